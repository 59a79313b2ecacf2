"""Training tests need PyTorch and the onnx package, which the extra ``train`` brings."""

import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("onnxscript", reason="export needs the extra 'train'")
