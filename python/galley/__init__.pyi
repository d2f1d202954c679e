# SPDX-License-Identifier: MIT
from collections.abc import Callable, Iterable
from typing import Any

__version__: str

def run(app: str | Callable[..., Iterable[bytes]], **settings: Any) -> int: ...
