"""What a filter of generated events is worth: speedup, bias, keep rules, the limit that physics sets."""
