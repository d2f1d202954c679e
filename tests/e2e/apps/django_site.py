# SPDX-License-Identifier: MIT
"""A Django project in one file: pages, a form behind the CSRF check, an upload, streams, a database."""

import hashlib
import threading

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.sqlite3"}},
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests only",
    FILE_UPLOAD_MAX_MEMORY_SIZE=100_000,
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)
django.setup()

FORM = """
<form method="post">{% csrf_token %}<input name="name"></form>
{% if name %}<p>Hello, {{ name }}!</p>{% endif %}
"""


def home(request):
    return HttpResponse("<h1>Home</h1>")


def form(request):
    template = engines["django"].from_string(FORM)
    return HttpResponse(template.render({"name": request.POST.get("name")}, request))


@csrf_exempt
def upload(request):
    sent = request.FILES["file"]
    digest = hashlib.sha256()
    for chunk in sent.chunks():
        digest.update(chunk)
    return JsonResponse(
        {"name": sent.name, "size": sent.size, "sha256": digest.hexdigest(), **request.POST.dict()}
    )


def stream(request):
    return StreamingHttpResponse((f"line {n}\n" for n in range(1000)), content_type="text/plain")


def file(request):
    return FileResponse(open(__file__, "rb"), content_type="text/x-python")


def count(request):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS visits (n)")
        cursor.execute("INSERT INTO visits VALUES (1)")
        cursor.execute("SELECT count(*) FROM visits")
        (n,) = cursor.fetchone()
    return JsonResponse({"visits": n, "thread": threading.current_thread().name})


def url(request, name):
    return JsonResponse({"url": request.build_absolute_uri(), "secure": request.is_secure()})


def fail(request):
    raise RuntimeError("kitchen fire")


urlpatterns = [
    path("", home),
    path("form", form),
    path("upload", upload),
    path("stream", stream),
    path("file", file),
    path("count", count),
    path("url/<str:name>", url),
    path("fail", fail),
]

application = get_wsgi_application()
