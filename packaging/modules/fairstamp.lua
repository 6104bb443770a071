-- Module file for Lmod: copy it to fairstamp/VERSION.lua in a folder of MODULEPATH. The version is the file's name; the program
-- was installed with `cmake --install build --prefix` and the folder below.
local root = pathJoin("/opt/fairstamp", myModuleVersion())

help("fairstamp finds, edits out and measures social bias in language models. man fairstamp; examples in $FAIRSTAMP_ROOT/share/fairstamp")
whatis("Name: fairstamp")
whatis("Version: " .. myModuleVersion())
whatis("Description: finds, edits out and measures social bias in language models")

-- What it was built with, in this site's names:
-- depends_on("openmpi", "hdf5", "openblas")

setenv("FAIRSTAMP_ROOT", root)
prepend_path("PATH", pathJoin(root, "bin"))
prepend_path("MANPATH", pathJoin(root, "share/man"))
append_path("MANPATH", "") -- an empty entry: the system's pages too
