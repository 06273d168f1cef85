"""Models as ONNX graphs, checked against PyTorch."""
