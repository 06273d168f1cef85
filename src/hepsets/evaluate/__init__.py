"""What a trained model is worth: ROC, speedup, bias, calibration, the limit."""
