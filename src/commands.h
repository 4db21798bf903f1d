/* The program's commands, one function each; main.c holds the table of them. argv[0] is the command's
 * name. What they return is the process's exit status: 0 done, 1 a fault (already printed on standard
 * error); more where a command says so. */
#ifndef COMMANDS_H
#define COMMANDS_H

int command_proxy(int argc, char **argv);
int command_executor(int argc, char **argv);
int command_console(int argc, char **argv);
int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_queue(int argc, char **argv);
int command_passwd(int argc, char **argv);

#endif
