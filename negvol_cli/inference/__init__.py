"""Running networks: ONNX Runtime, its GPU, and what a network sees."""
