/* Types that a Parse message may name by OID. A parameter's input function runs at Bind, before anything
 * is executed, and for a domain so do its CHECK functions: so only PostgreSQL's own base types, whose OIDs
 * never change (pg_type.dat), and arrays and ranges of them. Not here: cstring, internal, record, void and
 * the polymorphic types, which are no type for a value from a client.
 *
 * The reg* types look names up in the catalogs and do nothing else. 0 leaves the type to the server, which
 * then takes it from the text that was judged. */
#include "rules.h"

#include <stdlib.h>

/* clang-format off */
static const uint16_t base_types[] = {
    /* sorted */
    0,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,     /* bool … oidvector */
    114, 142, 143, 199, 271,                                        /* json, xml, and arrays; xid8[] */
    600, 601, 602, 603, 604, 628, 629,                              /* point … line, line[] */
    650, 651,                                                       /* cidr */
    700, 701, 705, 718, 719,                                        /* float4, float8, unknown, circle */
    774, 775, 790, 791, 829, 869,                                   /* macaddr8, money, macaddr, inet */
    1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1017, 1018,
    1019, 1020, 1021, 1022, 1027, 1028, 1033, 1034, 1040, 1041, 1042, 1043, /* arrays; aclitem, bpchar, varchar */
    1082, 1083, 1114, 1115, 1182, 1183, 1184, 1185, 1186, 1187,     /* dates, times, interval */
    1231, 1266, 1270, 1560, 1561, 1562, 1563, 1700,                 /* numeric[], timetz, bit, varbit, numeric */
    1790, 2201,                                                     /* refcursor and array: a text */
    2202, 2203, 2204, 2205, 2206, 2207, 2208, 2209, 2210, 2211,     /* regprocedure … regtype, arrays */
    2949, 2950, 2951, 2970,                                         /* txid_snapshot, uuid */
    3220, 3221,                                                     /* pg_lsn */
    3614, 3615, 3642, 3643, 3644, 3645,                             /* tsvector, tsquery, gtsvector */
    3734, 3735, 3769, 3770, 3802, 3807,                             /* regconfig, regdictionary, jsonb */
    3904, 3905, 3906, 3907, 3908, 3909, 3910, 3911, 3912, 3913, 3926, 3927, /* ranges */
    4072, 4073, 4089, 4090, 4096, 4097, 4191, 4192,                 /* jsonpath, regnamespace, regrole, regcollation */
    4451, 4532, 4533, 4534, 4535, 4536,                             /* multiranges */
    5038, 5039, 5069,                                               /* pg_snapshot, xid8 */
    6150, 6151, 6152, 6153, 6155, 6157,                             /* arrays of multiranges */
};
/* clang-format on */

static int compare(const void *a, const void *b)
{
    uint16_t left = *(const uint16_t *)a, right = *(const uint16_t *)b;
    return (left > right) - (left < right);
}

bool rules_type_is_base(uint32_t oid)
{
    uint16_t key = (uint16_t)oid;
    return oid <= UINT16_MAX &&
           bsearch(&key, base_types, sizeof base_types / sizeof *base_types, sizeof *base_types, compare) != NULL;
}
