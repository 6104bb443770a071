# Writes OUT with what this build is made from; run at every build, touches the file only where something changed.
execute_process(COMMAND git rev-parse HEAD WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE git RESULT_VARIABLE failed
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(failed)
  set(git unknown)
else()
  execute_process(COMMAND git status --porcelain --untracked-files=no WORKING_DIRECTORY ${SOURCE}
                  OUTPUT_VARIABLE changes ERROR_QUIET)
  if(changes)
    string(APPEND git " with changes")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define FS_BUILD_VERSION \"${VERSION}\"
#define FS_BUILD_GIT \"${git}\"
#define FS_BUILD_COMPILER \"${COMPILER}\"
#define FS_BUILD_FLAGS \"${FLAGS}\"
")
