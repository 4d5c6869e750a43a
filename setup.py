"""What pyproject.toml cannot say: kernels are compiled while the package is built: a wheel is for one platform."""

import importlib.util
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

# by its path: the package itself asks for libraries that are not here while it is built
_BUILD = Path(__file__).parent / "core/gioconda/native/build.py"
_spec = importlib.util.spec_from_file_location("native_build", _BUILD)
native = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = native
_spec.loader.exec_module(native)


class BuildKernels(build_py):
    """Compiles the kernels for this platform, also for an editable install."""

    def run(self):
        native.build(native.this_platform())
        self.data_files = self._get_data_files()
        super().run()
        if not self.editable_mode:  # what was built here for other platforms stays here
            for library in Path(self.build_lib, "gioconda/native/lib").iterdir():
                if library.name != native.path_of(native.this_platform()).name:
                    library.unlink()


class OnePlatform(bdist_wheel):
    """Tags a wheel for this platform and any Python 3: ctypes opens the library, no Python's own interface."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2].replace("linux_", "manylinux_2_17_", 1)


class WithLibrary(Distribution):
    """One with files for a platform."""

    def has_ext_modules(self):
        return True


setup(cmdclass={"build_py": BuildKernels, "bdist_wheel": OnePlatform}, distclass=WithLibrary)
