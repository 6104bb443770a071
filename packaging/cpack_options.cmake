# Read by cpack before each package. CPACK_INSTALL_CMAKE_PROJECTS is "build folder;project;component;/": ALL leaves out the
# component `debian`, which follows the rest in a Debian package.
if(CPACK_GENERATOR STREQUAL DEB)
  string(REPLACE ";ALL;" ";Unspecified;" program "${CPACK_INSTALL_CMAKE_PROJECTS}")
  string(REPLACE ";ALL;" ";debian;" debian "${CPACK_INSTALL_CMAKE_PROJECTS}")
  set(CPACK_INSTALL_CMAKE_PROJECTS "${program};${debian}")
endif()
