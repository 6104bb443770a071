#%Module
# Module file for Environment Modules (Lmod reads it too): copy it to fairstamp/VERSION, without .tcl, in a folder of MODULEPATH.
# The version is the file's name; the program was installed with `cmake --install build --prefix` and the folder below.
set version [file tail [module-info name]]
set root /opt/fairstamp/$version

proc ModulesHelp { } {
    puts stderr "fairstamp finds, edits out and measures social bias in language models. man fairstamp; examples in \$FAIRSTAMP_ROOT/share/fairstamp"
}
module-whatis "fairstamp $version: finds, edits out and measures social bias in language models"
conflict fairstamp

# What it was built with, in this site's names:
# module load openmpi hdf5 openblas

setenv FAIRSTAMP_ROOT $root
prepend-path PATH $root/bin
prepend-path MANPATH $root/share/man
append-path MANPATH {} ;# an empty entry: the system's pages too
