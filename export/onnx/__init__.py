"""The one graph as ONNX."""
