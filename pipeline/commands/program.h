/* The program, for main(). */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_PROGRAM_H
#define FAIRSTAMP_PIPELINE_COMMANDS_PROGRAM_H

/* Everything from the command line to the exit code, in words on stderr. */
int fs_program(int argc, char **argv);

#endif
