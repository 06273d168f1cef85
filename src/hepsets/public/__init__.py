"""What a physicist types: the public names of hepsets, each a few lines on what lies below."""
