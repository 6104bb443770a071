# cmake -DFROM=FILE -DTO=FILE.c -DNAME=NAME -P embed.cmake: the bytes of FROM as fs_NAME and fs_NAME_size.
file(READ "${FROM}" bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE "${TO}" "#include <stddef.h>\nextern const unsigned char fs_${NAME}[];\nextern const size_t fs_${NAME}_size;\n"
  "const unsigned char fs_${NAME}[] = {${bytes}};\nconst size_t fs_${NAME}_size = sizeof fs_${NAME};\n")
