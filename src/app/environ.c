/* SPDX-License-Identifier: MIT */
/* Building an environ costs a dict copy and one insertion per varying key: what is constant stands in a
 * template, keys and frequent values are interned once, and HTTP_* keys come from a table by field id or,
 * for names that fields.def does not know, from a small cache. Text is latin-1 as PEP 3333 demands. */
#include "app/environ.h"

#include "base/arena.h"
#include "base/num.h"
#include "io/listener.h"
#include "server/conn.h"

enum { KEY_CACHE = 256, KEY_CACHED_LEN = 64 };

/* The keys that environ_make sets itself: KEY(enum suffix, name). */
#define VARYING_KEYS                                                                                         \
    KEY(METHOD, "REQUEST_METHOD")                                                                            \
    KEY(QUERY, "QUERY_STRING")                                                                               \
    KEY(RAW_URI, "RAW_URI")                                                                                  \
    KEY(PROTOCOL, "SERVER_PROTOCOL")                                                                         \
    KEY(PATH, "PATH_INFO")                                                                                   \
    KEY(ADDR, "REMOTE_ADDR")                                                                                 \
    KEY(PORT, "REMOTE_PORT")                                                                                 \
    KEY(INPUT, "wsgi.input")                                                                                 \
    KEY(SCHEME, "wsgi.url_scheme")                                                                           \
    KEY(SERVER_NAME, "SERVER_NAME")                                                                          \
    KEY(SERVER_PORT, "SERVER_PORT")                                                                          \
    KEY(CONTENT_LENGTH, "CONTENT_LENGTH")

enum varying {
#define KEY(id, name) VARY_##id,
    VARYING_KEYS
#undef KEY
        VARY_COUNT
};

static const char *const varying_names[] = {
#define KEY(id, name) [VARY_##id] = name,
    VARYING_KEYS
#undef KEY
};

static const char *const method_names[] = {
    [METHOD_GET] = "GET",         [METHOD_HEAD] = "HEAD",       [METHOD_POST] = "POST",
    [METHOD_PUT] = "PUT",         [METHOD_DELETE] = "DELETE",   [METHOD_PATCH] = "PATCH",
    [METHOD_OPTIONS] = "OPTIONS", [METHOD_CONNECT] = "CONNECT", [METHOD_TRACE] = "TRACE",
};

struct cached_key {
    uint8_t len;
    char name[KEY_CACHED_LEN]; /* as the client wrote it */
    PyObject *key;
};

struct environ_maker {
    PyObject **templates; /* one a listener */
    unsigned n_templates;
    PyObject *keys[VARY_COUNT];
    PyObject *field_keys[FIELD_COUNT]; /* NULL: no environ key */
    PyObject *methods[COUNT_OF(method_names)];
    PyObject *http_1_0, *http_1_1, *https, *empty, *comma;
    char *script_name;       /* without trailing slash; NULL: none */
    union peer_address peer; /* whose address `peer_host` is */
    PyObject *peer_host;
    struct cached_key cache[KEY_CACHE];
};

static PyObject *intern(const char *text)
{
    return PyUnicode_InternFromString(text);
}

static PyObject *latin1(str s)
{
    return PyUnicode_DecodeLatin1(s.p ? s.p : "", (Py_ssize_t)s.len, NULL);
}

/* dict[key] = value; takes over the reference to `value`, which may be NULL with an exception set. */
static int set_new(PyObject *dict, PyObject *key, PyObject *value)
{
    int result = value ? PyDict_SetItem(dict, key, value) : -1;
    Py_XDECREF(value);
    return result;
}

static int set_text(PyObject *dict, const char *key, PyObject *value)
{
    int result = value ? PyDict_SetItemString(dict, key, value) : -1;
    Py_XDECREF(value);
    return result;
}

/* "content-type" → "HTTP_CONTENT_TYPE". */
static PyObject *http_key(str name)
{
    PyObject *key = PyUnicode_New((Py_ssize_t)name.len + 5, 127);
    if (!key)
        return NULL;
    char *to = (char *)PyUnicode_1BYTE_DATA(key);
    memcpy(to, "HTTP_", 5);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        to[i + 5] = c == '-' ? '_' : (c >= 'a' && c <= 'z') ? (char)(c - 32) : c;
    }
    PyUnicode_InternInPlace(&key);
    return key;
}

static PyObject *key_of_id(enum field_id id)
{
    if (id == FIELD_CONTENT_TYPE)
        return intern("CONTENT_TYPE");
    if (id == FIELD_CONTENT_LENGTH)
        return intern("CONTENT_LENGTH");
    return http_key(field_name(id));
}

static bool make_keys(struct environ_maker *maker)
{
    bool ok = true;
    for (int i = 0; i < VARY_COUNT; i++)
        ok &= (maker->keys[i] = intern(varying_names[i])) != NULL;
    for (int id = FIELD_OTHER + 1; id < FIELD_COUNT; id++)
        ok &= (maker->field_keys[id] = key_of_id((enum field_id)id)) != NULL;
    for (size_t i = 0; i < COUNT_OF(method_names); i++)
        if (method_names[i])
            ok &= (maker->methods[i] = intern(method_names[i])) != NULL;
    ok &= (maker->http_1_0 = intern("HTTP/1.0")) && (maker->http_1_1 = intern("HTTP/1.1"));
    ok &= (maker->https = intern("https")) && (maker->empty = intern("")) && (maker->comma = intern(","));
    return ok;
}

static int set_server(PyObject *dict, const struct listener *listener)
{
    char host[ADDRESS_TEXT_MAX], port[8];
    address_format_host(&listener->address.sa, host);
    size_t len = num_format(port, address_port(&listener->address.sa));
    return set_text(dict, "SERVER_NAME", latin1(str_of(host))) ||
           set_text(dict, "SERVER_PORT", latin1(str_make(port, len)));
}

static int set_constants(PyObject *dict, const struct environ_config *config, const char *script_name)
{
    return set_text(dict, "wsgi.version", Py_BuildValue("(ii)", 1, 0)) ||
           set_text(dict, "wsgi.url_scheme", intern("http")) ||
           set_text(dict, "wsgi.errors", Py_NewRef(config->errors)) ||
           set_text(dict, "wsgi.multithread", PyBool_FromLong(config->multithread)) ||
           set_text(dict, "wsgi.multiprocess", PyBool_FromLong(config->multiprocess)) ||
           set_text(dict, "wsgi.run_once", PyBool_FromLong(0)) ||
           set_text(dict, "wsgi.file_wrapper", Py_NewRef(config->file_wrapper)) ||
           set_text(dict, "wsgi.input_terminated", PyBool_FromLong(1)) ||
           set_text(dict, "SERVER_SOFTWARE", intern("galley/" GALLEY_VERSION)) ||
           set_text(dict, "SCRIPT_NAME", latin1(str_of(script_name ? script_name : "")));
}

/* The varying keys are in the template too, so that a copy never has to grow for them. */
static PyObject *make_template(const struct environ_maker *maker, const struct environ_config *config,
                               const struct listener *listener)
{
    PyObject *dict = PyDict_New();
    if (!dict)
        return NULL;
    bool ok = !set_constants(dict, config, maker->script_name);
    for (int i = 0; i < VARY_CONTENT_LENGTH && ok; i++)
        if (i != VARY_SCHEME && i != VARY_PORT)
            ok = !PyDict_SetItem(dict, maker->keys[i], maker->empty);
    if (ok && !set_server(dict, listener))
        return dict;
    Py_DECREF(dict);
    return NULL;
}

static char *read_script_name(void)
{
    str name = str_of(getenv("SCRIPT_NAME"));
    return name.len ? str_dup(name) : NULL;
}

struct environ_maker *environ_maker_new(const struct environ_config *config)
{
    struct environ_maker *maker = memory_zero(sizeof(*maker));
    maker->script_name = read_script_name();
    maker->templates = memory_zero(config->n_listeners * sizeof(*maker->templates));
    bool ok = make_keys(maker);
    for (; ok && maker->n_templates < config->n_listeners; maker->n_templates++) {
        const struct listener *listener = &config->listeners[maker->n_templates];
        ok = (maker->templates[maker->n_templates] = make_template(maker, config, listener)) != NULL;
    }
    if (ok)
        return maker;
    environ_maker_free(maker);
    return NULL;
}

static void drop_all(PyObject **objects, size_t count)
{
    for (size_t i = 0; i < count; i++)
        Py_CLEAR(objects[i]);
}

void environ_maker_free(struct environ_maker *maker)
{
    if (!maker)
        return;
    drop_all(maker->templates, maker->n_templates);
    drop_all(maker->keys, VARY_COUNT);
    drop_all(maker->field_keys, FIELD_COUNT);
    drop_all(maker->methods, COUNT_OF(method_names));
    for (size_t i = 0; i < KEY_CACHE; i++)
        Py_XDECREF(maker->cache[i].key);
    PyObject *rest[] = { maker->http_1_0, maker->http_1_1, maker->https,
                         maker->empty,    maker->comma,    maker->peer_host };
    drop_all(rest, COUNT_OF(rest));
    free(maker->templates);
    free(maker->script_name);
    free(maker);
}

static size_t cache_slot(str name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.p[i]) * 16777619u;
    return hash % KEY_CACHE;
}

/* The HTTP_* key of a name without an id: a new reference. The cache is direct-mapped, so a client that
 * invents names can only slow itself down. */
static PyObject *other_key(struct environ_maker *maker, str name)
{
    if (name.len > KEY_CACHED_LEN)
        return http_key(name);
    struct cached_key *cached = &maker->cache[cache_slot(name)];
    if (cached->key && str_eq(str_make(cached->name, cached->len), name))
        return Py_NewRef(cached->key);
    PyObject *key = http_key(name);
    if (!key)
        return NULL;
    Py_XSETREF(cached->key, Py_NewRef(key));
    cached->len = (uint8_t)name.len;
    memcpy(cached->name, name.p, name.len);
    return key;
}

/* A name with '_' could pass for one with '-': dropped, as gunicorn's header_map = drop does. */
static bool is_ambiguous(str name)
{
    return memchr(name.p, '_', name.len) != NULL;
}

/* Repeated fields are joined with a comma, without space (gunicorn). Takes over `value`. */
static int join_field(struct environ_maker *maker, PyObject *environ, PyObject *key, PyObject *value)
{
    PyObject *before = PyDict_GetItemWithError(environ, key);
    if (!before)
        return PyErr_Occurred() ? (Py_XDECREF(value), -1) : set_new(environ, key, value);
    PyObject *joined = PyUnicode_FromFormat("%U%U%U", before, maker->comma, value);
    Py_DECREF(value);
    return set_new(environ, key, joined);
}

static int set_field(struct environ_maker *maker, PyObject *environ, const struct http_head *head,
                     const struct http_field *field)
{
    str name = head_field_name(head, field);
    if (field->id == FIELD_OTHER && is_ambiguous(name))
        return 0;
    PyObject *key = field->id ? Py_NewRef(maker->field_keys[field->id]) : other_key(maker, name);
    PyObject *value = key ? latin1(head_field_value(head, field)) : NULL;
    bool is_first = field->id && &head->fields[head->known[field->id] - 1] == field;
    int result = -1;
    if (value)
        result = is_first ? set_new(environ, key, value) : join_field(maker, environ, key, value);
    Py_XDECREF(key);
    return result;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded (RFC 3986 section 2.1); a '%' that begins no triplet stands for itself. */
static PyObject *unquote(struct arena *arena, str path)
{
    if (!memchr(path.p, '%', path.len))
        return latin1(path);
    char *to = arena_alloc(arena, path.len);
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        int high = path.p[i] == '%' && i + 2 < path.len ? hex_digit(path.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(path.p[i + 2]) : -1;
        to[len++] = low >= 0 ? (char)(high << 4 | low) : path.p[i];
        i += low >= 0 ? 2 : 0;
    }
    return latin1(str_make(to, len));
}

static PyObject *make_path(struct environ_maker *maker, const struct exchange *exchange)
{
    str path = head_slice(exchange->head, exchange->head->path);
    if (!path.len)
        path = STR("/");
    str script = str_of(maker->script_name);
    if (script.len) {
        if (!str_starts(path, script)) {
            PyErr_Format(PyExc_ValueError, "the request's path does not begin with SCRIPT_NAME (%s)",
                         maker->script_name);
            return NULL;
        }
        path = str_sub(path, script.len, path.len);
    }
    return unquote((struct arena *)&exchange->arena, path.p ? path : STR(""));
}

static bool same_peer(const union peer_address *a, const union peer_address *b)
{
    if (a->family != b->family)
        return false;
    if (a->family == AF_INET)
        return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
    return a->family == AF_INET6 && memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0;
}

static int set_peer(struct environ_maker *maker, PyObject *environ, const struct exchange *exchange)
{
    const union peer_address *peer = &exchange->conn->peer;
    char host[ADDRESS_TEXT_MAX], digits[NUM_MAX_LEN];
    uint16_t port = peer->family == AF_INET ? ntohs(peer->in.sin_port) : ntohs(peer->in6.sin6_port);
    if (peer->family != AF_INET && peer->family != AF_INET6)
        return 0; /* a Unix socket: REMOTE_ADDR stays empty, REMOTE_PORT absent */
    if (!maker->peer_host || !same_peer(peer, &maker->peer)) {
        exchange_peer(exchange, host, &port);
        Py_XSETREF(maker->peer_host, latin1(str_of(host)));
        maker->peer = *peer;
    }
    if (!maker->peer_host || PyDict_SetItem(environ, maker->keys[VARY_ADDR], maker->peer_host))
        return -1;
    return set_new(environ, maker->keys[VARY_PORT], latin1(str_make(digits, num_format(digits, port))));
}

/* Loopback and Unix peers are trusted to tell the scheme: gunicorn's forwarded_allow_ips by default. */
static bool is_trusted(const union peer_address *peer)
{
    if (peer->family == AF_INET)
        return peer->in.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
    return peer->family != AF_INET6 || IN6_IS_ADDR_LOOPBACK(&peer->in6.sin6_addr);
}

/* gunicorn's secure_scheme_headers by default. */
static bool is_https(const struct exchange *exchange)
{
    const struct http_head *head = exchange->head;
    if (!is_trusted(&exchange->conn->peer))
        return false;
    return str_ieq(head_known(head, FIELD_X_FORWARDED_PROTO), STR("https")) ||
           str_ieq(head_known(head, FIELD_X_FORWARDED_PROTOCOL), STR("ssl")) ||
           str_ieq(head_known(head, FIELD_X_FORWARDED_SSL), STR("on"));
}

/* A Unix socket has no name or port of its own: they come from Host. */
static int set_server_from_host(struct environ_maker *maker, PyObject *environ,
                                const struct exchange *exchange, bool https)
{
    str host = head_known(exchange->head, FIELD_HOST);
    size_t colon = str_find(host, ':', str_find(host, ']', 0) < host.len ? str_find(host, ']', 0) : 0);
    str port = colon < host.len ? str_sub(host, colon + 1, host.len) : https ? STR("443") : STR("80");
    return set_new(environ, maker->keys[VARY_SERVER_NAME], latin1(str_sub(host, 0, colon))) ||
           set_new(environ, maker->keys[VARY_SERVER_PORT], latin1(port));
}

static int set_scheme(struct environ_maker *maker, PyObject *environ, const struct exchange *exchange)
{
    bool https = is_https(exchange);
    if (https && PyDict_SetItem(environ, maker->keys[VARY_SCHEME], maker->https))
        return -1;
    sa_family_t family = exchange->conn->peer.family;
    bool is_tcp = family == AF_INET || family == AF_INET6;
    return is_tcp ? 0 : set_server_from_host(maker, environ, exchange, https);
}

/* The length of a chunked body is known by now: frameworks that rely on CONTENT_LENGTH work. */
static int set_chunked_length(struct environ_maker *maker, PyObject *environ, const struct exchange *exchange)
{
    char digits[NUM_MAX_LEN];
    if (!exchange->head->is_chunked)
        return 0;
    str text = str_make(digits, num_format(digits, exchange->body.len));
    return set_new(environ, maker->keys[VARY_CONTENT_LENGTH], latin1(text));
}

static int set_request(struct environ_maker *maker, PyObject *environ, const struct exchange *exchange)
{
    const struct http_head *head = exchange->head;
    PyObject **keys = maker->keys;
    PyObject *method =
        head->method ? Py_NewRef(maker->methods[head->method]) : latin1(head_slice(head, head->method_name));
    PyObject *protocol = head->version == HTTP_1_0 ? maker->http_1_0 : maker->http_1_1;
    if (set_new(environ, keys[VARY_METHOD], method))
        return -1;
    if (head->query.len && set_new(environ, keys[VARY_QUERY], latin1(head_slice(head, head->query))))
        return -1;
    return set_new(environ, keys[VARY_RAW_URI], latin1(head_slice(head, head->target))) ||
           PyDict_SetItem(environ, keys[VARY_PROTOCOL], protocol) ||
           set_new(environ, keys[VARY_PATH], make_path(maker, exchange));
}

PyObject *environ_make(struct environ_maker *maker, const struct exchange *exchange, PyObject *input)
{
    const struct http_head *head = exchange->head;
    PyObject *environ = PyDict_Copy(maker->templates[exchange_listener(exchange)]);
    if (!environ)
        return NULL;
    bool ok = !set_request(maker, environ, exchange) &&
              !PyDict_SetItem(environ, maker->keys[VARY_INPUT], input) &&
              !set_peer(maker, environ, exchange) && !set_scheme(maker, environ, exchange);
    for (uint32_t i = 0; i < head->n_fields && ok; i++)
        ok = !set_field(maker, environ, head, &head->fields[i]);
    if (ok && !set_chunked_length(maker, environ, exchange))
        return environ;
    Py_DECREF(environ);
    return NULL;
}
