/* SPDX-License-Identifier: MIT */
/* An intrusive, circular, doubly linked list. The head is a link too; an object that is in no list
 * has a link that points at itself, so that removing it twice is harmless. */
#pragma once

#include <stdbool.h>

#include "base/defs.h"

struct link {
    struct link *prev, *next;
};

static inline void link_init(struct link *link)
{
    link->prev = link->next = link;
}

static inline bool list_is_empty(const struct link *head)
{
    return head->next == head;
}

static inline bool link_is_listed(const struct link *link)
{
    return link->next != link;
}

static inline void list_insert_before(struct link *at, struct link *link)
{
    link->prev = at->prev;
    link->next = at;
    at->prev->next = link;
    at->prev = link;
}

static inline void list_append(struct link *head, struct link *link)
{
    list_insert_before(head, link);
}

static inline void list_prepend(struct link *head, struct link *link)
{
    list_insert_before(head->next, link);
}

static inline void link_remove(struct link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link_init(link);
}

/* Takes the first link off the list, or returns NULL. */
static inline struct link *list_pop(struct link *head)
{
    if (list_is_empty(head))
        return NULL;
    struct link *first = head->next;
    link_remove(first);
    return first;
}

/* Moves all of `from` to the end of `to`. */
static inline void list_move_all(struct link *to, struct link *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    link_init(from);
}
