#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

/* Written once by log_open, before other threads exist. */
static const char *log_role = "sallyport";
static enum log_level log_least = LOG_LEVEL_INFO;

void log_open(const char *role, enum log_level least)
{
    log_role = role;
    log_least = least;
}

__attribute__((format(printf, 2, 0))) static void log_write(enum log_level level, const char *format, va_list args)
{
    static const char *const names[] = {"info", "warn", "error"};
    if (level < log_least)
        return;
    char text[2048], time[TEXT_TIME_SIZE];
    int len = vsnprintf(text, sizeof text, format, args);
    size_t size = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    text_time((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, time);

    struct bytes line = {0};
    bytes_add_format(&line, "%s %s %s: ", time, names[level], log_role);
    text_add_visible(&line, (struct view){text, size}, false);
    bytes_add_char(&line, '\n');
    /* One write, so that lines of several processes don't mix. Nobody can be told if it fails. */
    if (write(STDERR_FILENO, line.data, line.len) < 0) {
    }
    bytes_fini(&line);
}

#define LOG_FUNCTION(name, level)                                                                                      \
    void name(const char *format, ...)                                                                                 \
    {                                                                                                                  \
        va_list args;                                                                                                  \
        va_start(args, format);                                                                                        \
        log_write(level, format, args);                                                                                \
        va_end(args);                                                                                                  \
    }

LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
