#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int fs_argv_add(struct fs_argv *argv, struct fs_error *err, const char *format, ...)
{
    va_list arguments;
    if (argv->count == FS_ARGV_MOST) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: more than %d words on a command line", argv->word[0],
                            FS_ARGV_MOST);
    }
    va_start(arguments, format);
    int length = vasprintf(&argv->word[argv->count], format, arguments);
    va_end(arguments);
    if (length < 0) {
        argv->word[argv->count] = NULL;
        return fs_error_memory(err, 64, "a command");
    }
    argv->count++;
    argv->word[argv->count] = NULL;
    return 0;
}

int fs_argv_split(struct fs_argv *argv, const char *text, struct fs_error *err)
{
    char *copy = text != NULL ? strdup(text) : NULL, *rest = NULL;
    int status = text == NULL || copy != NULL ? 0 : fs_error_memory(err, strlen(text), "a command");
    for (char *word = copy != NULL ? strtok_r(copy, " \t", &rest) : NULL; status == 0 && word != NULL;
         word = strtok_r(NULL, " \t", &rest)) {
        status = fs_argv_add(argv, err, "%s", word);
    }
    free(copy);
    return status;
}

void fs_argv_release(struct fs_argv *argv)
{
    for (size_t i = 0; i < argv->count; i++) {
        free(argv->word[i]);
    }
    *argv = (struct fs_argv){0};
}

int fs_run_program(const struct fs_argv *argv, bool quiet, char **output)
{
    int end[2], state = -1;
    size_t length = 0;
    char block[4096];
    ssize_t got;
    posix_spawn_file_actions_t actions;
    pid_t process;
    *output = NULL;
    if (pipe2(end, O_CLOEXEC) != 0) {
        return -1;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, end[1], STDOUT_FILENO);
    if (quiet) {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    int failed = posix_spawnp(&process, argv->word[0], &actions, NULL, argv->word, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(end[1]);
    FILE *stream = failed == 0 ? open_memstream(output, &length) : NULL;
    while (failed == 0 && ((got = read(end[0], block, sizeof block)) > 0 || (got < 0 && errno == EINTR))) {
        if (stream != NULL && got > 0) {
            fwrite(block, 1, (size_t)got, stream);
        }
    }
    close(end[0]);
    if (stream != NULL) {
        fclose(stream);
    }
    if (failed == 0) {
        while (waitpid(process, &state, 0) < 0 && errno == EINTR) {
        }
    }
    return failed == 0 && *output != NULL && WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

int fs_own_path(char *path, size_t size, struct fs_error *err)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length <= 0) {
        return fs_error_set(err, FS_EXIT_OS, "/proc/self/exe: the program's path cannot be read");
    }
    path[length] = '\0';
    return 0;
}
