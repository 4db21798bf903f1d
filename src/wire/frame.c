/* Cuts streams into messages. PostgreSQL manual, section 55.1 and 55.7:
 *
 *   message          Byte1 type, Int32 length, body      the length counts itself, not the type
 *   start-up packet  Int32 length, body                  the first message of a connection has no type
 *
 * The header alone decides whether a message may come: by the time a hostile length could cost memory it
 * has been refused. All arithmetic is on lengths that were checked against INT32_MAX first, so nothing
 * wraps (as it did in pgx, CVE-2024-27304). */
#include "wire/wire.h"

enum {
    LENGTH_SIZE = 4,
    HEADER_SIZE = 1 + LENGTH_SIZE,
    STARTUP_CODE_SIZE = 4, /* every start-up packet has at least the protocol's number */

    DEFAULT_STARTUP = 10000, /* PostgreSQL's MAX_STARTUP_PACKET_LENGTH */
    DEFAULT_QUERY = 1 << 20,
    DEFAULT_BIND = 16 << 20,
    DEFAULT_OTHER = 64 << 10,

    /* What a server's message may have unless its type is known to be long: fe-protocol3.c in libpq takes a
     * longer one for the sign of a stream out of step. */
    SERVER_SHORT = 30000,
};

static enum frame_result bad(struct frame_error *error, const char *sqlstate, const char *message)
{
    *error = (struct frame_error){sqlstate, message};
    return FRAME_RESULT_BAD;
}

static const struct frame_limits defaults;

static uint32_t limit_or(uint32_t limit, uint32_t fallback)
{
    return limit ? limit : fallback;
}

/* How much of an agent's message of this type is accepted; 0: the protocol has no such type. */
static uint32_t agent_limit(char type, const struct frame_limits *limits)
{
    switch (type) {
    case 'Q': /* Query */
    case 'P': /* Parse */
        return limit_or(limits->query, DEFAULT_QUERY);
    case 'B': /* Bind */
    case 'd': /* CopyData */
        return limit_or(limits->bind, DEFAULT_BIND);
    case 'C': /* Close */
    case 'D': /* Describe */
    case 'E': /* Execute */
    case 'F': /* FunctionCall */
    case 'H': /* Flush */
    case 'S': /* Sync */
    case 'X': /* Terminate */
    case 'c': /* CopyDone */
    case 'f': /* CopyFail */
    case 'p': /* PasswordMessage, SASLInitialResponse, SASLResponse */
        return limit_or(limits->other, DEFAULT_OTHER);
    default:
        return 0;
    }
}

/* Types of the server's messages that hold data of any size. libpq's list, and ParameterDescription, which
 * has four bytes for each of up to 65,535 parameters. */
static bool server_type_is_long(char type)
{
    switch (type) {
    case 'A': /* NotificationResponse */
    case 'D': /* DataRow */
    case 'E': /* ErrorResponse */
    case 'N': /* NoticeResponse */
    case 'T': /* RowDescription */
    case 'V': /* FunctionCallResponse */
    case 'd': /* CopyData */
    case 't': /* ParameterDescription */
        return true;
    default:
        return false;
    }
}

/* The length field as it stands: it may be anything. */
static uint32_t read_length(const char *at)
{
    struct reader reader = reader_of((struct view){at, LENGTH_SIZE});
    return reader_u32(&reader);
}

/* One whole frame, if it is all there. length: checked. */
static enum frame_result take(struct view in, size_t type_size, uint32_t length, struct frame *frame)
{
    size_t size = type_size + length, header = type_size + LENGTH_SIZE;
    if (in.len < size)
        return FRAME_RESULT_MORE;
    frame->type = type_size ? in.data[0] : '\0';
    frame->body = (struct view){in.data + header, size - header};
    frame->size = size;
    return FRAME_RESULT_ONE;
}

enum frame_result frame_take_startup(struct view in, const struct frame_limits *limits, struct frame *frame,
                                     struct frame_error *error)
{
    if (limits == NULL)
        limits = &defaults;
    if (in.len < LENGTH_SIZE)
        return FRAME_RESULT_MORE;
    uint32_t length = read_length(in.data);
    uint32_t limit = limit_or(limits->startup, DEFAULT_STARTUP);
    if (length > INT32_MAX || length < LENGTH_SIZE + STARTUP_CODE_SIZE || length - LENGTH_SIZE > limit)
        return bad(error, "08P01", "invalid length of start-up packet");
    return take(in, 0, length, frame);
}

enum frame_result frame_take_agent(struct view in, const struct frame_limits *limits, struct frame *frame,
                                   struct frame_error *error)
{
    if (limits == NULL)
        limits = &defaults;
    if (in.len < 1)
        return FRAME_RESULT_MORE;
    uint32_t limit = agent_limit(in.data[0], limits);
    if (limit == 0)
        return bad(error, "08P01", "the protocol has no message of this type");
    if (in.len < HEADER_SIZE)
        return FRAME_RESULT_MORE;
    uint32_t length = read_length(in.data + 1);
    if (length > INT32_MAX || length < LENGTH_SIZE)
        return bad(error, "08P01", "invalid length of message");
    if (length - LENGTH_SIZE > limit)
        return bad(error, "54000", "the message is longer than is allowed for its type");
    return take(in, 1, length, frame);
}

enum frame_result frame_peek_server(struct view in, struct frame *frame, struct frame_error *error)
{
    if (in.len < HEADER_SIZE)
        return FRAME_RESULT_MORE;
    uint32_t length = read_length(in.data + 1);
    if (length > INT32_MAX || length < LENGTH_SIZE || (length > SERVER_SHORT && !server_type_is_long(in.data[0])))
        return bad(error, "08P01", "the server's message has an invalid length");
    frame->type = in.data[0];
    frame->size = 1 + (size_t)length;
    size_t there = in.len < frame->size ? in.len : frame->size;
    frame->body = (struct view){in.data + HEADER_SIZE, there - HEADER_SIZE};
    return FRAME_RESULT_ONE;
}
