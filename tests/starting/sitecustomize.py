"""Read by every Python that starts with this folder on its path, as the servers that tests start do.

They take compiled templates from a folder of the run, and leave there what they have compiled. Those of a console take more than a
second, and a run starts dozens.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

FACES = "tipline.web"


class Compiled:
    """Finds the module of the faces as everybody does, and gives it the folder."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != FACES:
            return None
        sys.meta_path.remove(self)  # type: ignore[arg-type]  # what it must have to stand there is this one function
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            from jinja2 import FileSystemBytecodeCache

            run(module)
            module.App.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(os.environ["TEMPLATES_OF_THE_RUN"])}

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # of this one module's loader, before it has run
        return spec


if "TEMPLATES_OF_THE_RUN" in os.environ:
    sys.meta_path.insert(0, Compiled())  # type: ignore[arg-type]  # as where it is taken out again
