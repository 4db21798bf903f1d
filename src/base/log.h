/* The operator's log: one line per event on standard error, "time level role: text". Control characters
 * in the text are shown escaped, so nobody forges a line. Any thread. Not the audit record: that is
 * src/audit. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Once at start-up, before other threads exist. `role` outlives the process's log. */
void log_open(const char *role, enum log_level least);
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
