"""fairstamp for Spack 1.0 or later. The source is the checkout that this file lies in."""

from pathlib import Path

from spack_repo.builtin.build_systems.cmake import CMakePackage, generator

from spack.package import *


class Fairstamp(CMakePackage):
    """Finds, edits out and measures social bias in language models: an MPI batch program."""

    git = Path(__file__).resolve().parents[6].as_uri()

    license("Apache-2.0")

    version("main", branch="main")

    generator("ninja")
    depends_on("c", type="build")
    depends_on("cmake@3.20:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("cmocka", type="test")

    depends_on("mpi")
    depends_on("hdf5+hl")
    # one thread each is asked of it, by threads of OpenMP
    depends_on("openblas threads=openmp")
    depends_on("cjson")
    depends_on("pcre2")
    depends_on("libzip")
    depends_on("utf8proc+shared")
    depends_on("openssl")

    variant("onednn", default=False, description="Products of BF16 weights by oneDNN (compute.type bf16)")
    depends_on("onednn@2", when="+onednn")

    def cmake_args(self):
        return [self.define("BUILD_TESTING", self.run_tests), self.define_from_variant("FAIRSTAMP_ONEDNN", "onednn")]
