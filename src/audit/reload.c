/* The one record that all three roles write in the same words, after the fact. */
#include "audit/audit.h"

#include "base/log.h"

void audit_reload(struct audit *audit, const struct fault *fault)
{
    char why[2048] = "";
    struct bytes body = {0};
    if (fault != NULL)
        fault_text(fault, why, sizeof why);
    bytes_add_text(&body, "\"event\":\"reload\"");
    audit_add_raw(&body, "ok", view_of(fault == NULL ? "true" : "false"));
    if (fault == NULL) {
        log_info("the configuration was read again");
    } else {
        audit_add_text(&body, "why", view_of(why));
        log_error("the configuration stays as it was: %s", why);
    }
    if (audit_append(audit, bytes_view(&body)) == 0)
        log_warn("the reload is not on the record: the audit log can't be written");
    bytes_fini(&body);
}
