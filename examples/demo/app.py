# SPDX-License-Identifier: MIT
"""Harbour House, a small guesthouse: galley --chdir examples/demo app:app"""

import os
from datetime import date, timedelta
from pathlib import Path

from flask import Flask, abort, flash, jsonify, redirect, render_template, request, url_for

import forms
import store

app = Flask(__name__)
app.config["DATABASE"] = os.environ.get("DEMO_DATABASE", str(Path(__file__).with_name("demo.sqlite3")))
app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY", "for the demo only")
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
store.init_app(app)


@app.template_filter("day")
def day(text):
    when = date.fromisoformat(text)
    return f"{when.day} {when:%B %Y}"


@app.get("/")
def home():
    return render_template("home.html", rooms=store.rooms())


def room_page(room, stay, errors, status=200):
    today = date.today().isoformat()
    taken = store.bookings(room["id"], since=today)
    page = render_template("room.html", room=room, stay=stay, errors=errors, taken=taken, today=today)
    return page, status


def room_or_404(slug):
    return store.room(slug) or abort(404, "We have no room of that name.")


@app.get("/rooms/<slug>")
def room(slug):
    tomorrow = date.today() + timedelta(days=1)
    departure = tomorrow + timedelta(days=2)
    stay = {"guests": 1, "arrival": tomorrow.isoformat(), "departure": departure.isoformat()}
    return room_page(room_or_404(slug), stay, {})


@app.post("/rooms/<slug>")
def book(slug):
    wanted = room_or_404(slug)
    stay, errors = forms.read_stay(request.form, wanted["beds"], date.today())
    if errors:
        return room_page(wanted, stay, errors, 422)
    try:
        store.book(wanted["id"], stay)
    except store.RoomTaken:
        errors = {"arrival": "Somebody was faster: the room is taken on one of these nights."}
        return room_page(wanted, stay, errors, 409)
    flash(f"{wanted['name']} is yours, {stay['guest']}. See you on {day(stay['arrival'])}!")
    return redirect(url_for("bookings"), 303)


@app.get("/bookings")
def bookings():
    return render_template("bookings.html", bookings=store.bookings())


@app.post("/bookings/<int:number>/cancel")
def cancel(number):
    if not store.cancel(number):
        abort(404, "That booking does not exist any more.")
    flash("The booking is cancelled.")
    return redirect(url_for("bookings"), 303)


@app.get("/health")
def health():
    return jsonify(status="ok", rooms=len(store.rooms()), pid=os.getpid())


@app.errorhandler(404)
@app.errorhandler(405)
@app.errorhandler(413)
@app.errorhandler(500)
def error_page(error):
    return render_template("error.html", error=error), error.code
