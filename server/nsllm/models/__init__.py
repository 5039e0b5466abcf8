"""Models: which there are, where they come from, how they become ONNX, and what they run on."""
