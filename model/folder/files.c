/* A file that cannot be what its name says: links to nothing, and what downloads leave. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/folder/folder_parts.h"

#define FIRST_BYTES 32

/* First bytes by which a file is known for another. A safetensors file begins with a length, so that short ones may be
 * its own. */
static const struct {
    const char *bytes;
    size_t length;
    bool of_weights; /* also told of *.safetensors */
    const char *is, *fix;
} kinds[] = {
    {"version https://git-lfs", 23, true, "a pointer of git LFS, not the file itself", "run git lfs pull"},
    {"<!DOCTYPE", 9, true, "a web page, not the file itself", "download it again; a gated model needs hf auth login"},
    {"<!doctype", 9, true, "a web page, not the file itself", "download it again; a gated model needs hf auth login"},
    {"<html", 5, true, "a web page, not the file itself", "download it again; a gated model needs hf auth login"},
    {"Access to model", 15, true, "a refusal of the Hub, not the file itself",
     "ask for access on the model's page, hf auth login, download it again"},
    {"Entry not found", 15, true, "an error of the Hub, not the file itself", "download it again"},
    {"GGUF", 4, true, "a GGUF file, of llama.cpp", "take the HuggingFace folder that it was made from"},
    {"PK\003\004", 4, true, "a zip file, as PyTorch writes pytorch_model.bin",
     "convert it with Python: from_pretrained(DIR), save_pretrained(DIR)"},
    {"\x89HDF", 4, true, "an HDF5 file, as TensorFlow writes tf_model.h5",
     "convert it with Python: from_pretrained(DIR, from_tf=True), save_pretrained(DIR)"},
    {"\x1f\x8b", 2, false, "packed with gzip", "unpack it with gunzip"},
    {"\xff\xfe", 2, false, "UTF-16 text, expected UTF-8", "convert it: iconv -f UTF-16 -t UTF-8"},
    {"\xfe\xff", 2, false, "UTF-16 text, expected UTF-8", "convert it: iconv -f UTF-16 -t UTF-8"},
};

/* `path` is a link that leads nowhere. */
static int refuse_link(const char *folder, const char *path, int reason, struct fs_error *err)
{
    char target[FS_PATH_ROOM], hub[256];
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    if (reason == ELOOP) {
        return fs_error_set(err, FS_EXIT_NO_INPUT,
                            "%s: is a link to %s, which leads back to itself; make the link anew", path, target);
    }
    if (reason != ENOENT && reason != ENOTDIR) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: is a link to %s, which cannot be read: %s", path, target,
                            strerror(reason));
    }
    if (fs_hub_name(folder, hub)) {
        return fs_error_set(err, FS_EXIT_NO_INPUT,
                            "%s: is a link to %s, which is not there: the download broke off; download it again: hf "
                            "download %s",
                            path, target, hub);
    }
    return fs_error_set(err, FS_EXIT_NO_INPUT,
                        "%s: is a link to %s, which is not there; download or copy the file again (cp -L, rsync -L "
                        "copy what links lead to)",
                        path, target);
}

static int check_first_bytes(const char *path, const char *name, struct fs_error *err)
{
    char first[FIRST_BYTES];
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return 0; /* its reader says why */
    }
    ssize_t length = read(descriptor, first, sizeof first);
    close(descriptor);
    bool weights = fnmatch("*.safetensors", name, 0) == 0, json = fnmatch("*.json", name, 0) == 0;
    if (length == 0 && (weights || json)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: is empty; the download or copy broke off (is the disk or the quota full?), fetch it "
                            "again",
                            path);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (length >= (ssize_t)kinds[i].length && (kinds[i].of_weights || !weights) &&
            memcmp(first, kinds[i].bytes, kinds[i].length) == 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: is %s; %s", path, kinds[i].is, kinds[i].fix);
        }
    }
    return 0;
}

int fs_check_file(const char *folder, const char *name, struct fs_error *err)
{
    char path[FS_PATH_ROOM];
    struct stat link, file;
    if (!fs_join(folder, name, path) || lstat(path, &link) != 0) {
        return 0; /* not there: what is missing is told elsewhere */
    }
    if (stat(path, &file) != 0) {
        return refuse_link(folder, path, errno, err);
    }
    return S_ISREG(file.st_mode) ? check_first_bytes(path, name, err) : 0;
}
