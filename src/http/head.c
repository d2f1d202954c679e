/* SPDX-License-Identifier: MIT */
/* Look-up of request fields by name. The head's memory is its connection's; nothing is copied. */
#include "http/head.h"

str head_find(const struct http_head *head, str name)
{
    enum field_id id = field_lookup(name);
    if (id != FIELD_OTHER)
        return head_known(head, id);
    for (uint32_t i = 0; i < head->n_fields; i++)
        if (head->fields[i].id == FIELD_OTHER && str_ieq(head_field_name(head, &head->fields[i]), name))
            return head_field_value(head, &head->fields[i]);
    return STR_NONE;
}
