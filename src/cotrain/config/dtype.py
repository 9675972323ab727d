"""What networks compute in when they answer."""

from typing import Literal

Dtype = Literal["fp32", "bf16", "fp16"]
