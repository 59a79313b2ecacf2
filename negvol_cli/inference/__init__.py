"""Running networks: OpenVINO on the CPU, ONNX Runtime on a GPU, and what a network sees."""
