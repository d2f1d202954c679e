# SPDX-License-Identifier: MIT
"""The bookings in SQLite: one connection for each request, opened on first use."""

import sqlite3
from pathlib import Path

from flask import current_app, g

SCHEMA = Path(__file__).with_name("schema.sql")


class RoomTaken(Exception):
    """Somebody else has the room on one of these nights."""


def connect(path):
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def init_app(app):
    """Creates the tables if need be; several workers may do so at the same time."""
    connection = connect(app.config["DATABASE"])
    connection.executescript("BEGIN IMMEDIATE;" + SCHEMA.read_text(encoding="utf-8") + "COMMIT;")
    connection.close()
    app.teardown_appcontext(close)


def database():
    if "database" not in g:
        g.database = connect(current_app.config["DATABASE"])
    return g.database


def close(_error=None):
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()


def rooms():
    return database().execute("SELECT * FROM rooms ORDER BY price").fetchall()


def room(slug):
    return database().execute("SELECT * FROM rooms WHERE slug = ?", (slug,)).fetchone()


def bookings(room_id=None, since=""):
    return (
        database()
        .execute(
            """
            SELECT bookings.*, rooms.name AS room, rooms.slug AS slug, rooms.price AS price,
                   CAST(julianday(departure) - julianday(arrival) AS INTEGER) AS nights
            FROM bookings JOIN rooms ON rooms.id = bookings.room_id
            WHERE (:room_id IS NULL OR room_id = :room_id) AND departure > :since
            ORDER BY arrival, bookings.id
            """,
            {"room_id": room_id, "since": since},
        )
        .fetchall()
    )


def book(room_id, stay):
    """Adds a booking, or raises RoomTaken. The write lock is taken before looking, so that two
    guests never get the same night, whatever the number of workers."""
    connection = database()
    connection.execute("BEGIN IMMEDIATE")
    try:
        taken = connection.execute(
            "SELECT 1 FROM bookings WHERE room_id = ? AND arrival < ? AND departure > ?",
            (room_id, stay["departure"], stay["arrival"]),
        ).fetchone()
        if taken:
            raise RoomTaken
        cursor = connection.execute(
            """
            INSERT INTO bookings (room_id, guest, email, guests, arrival, departure, note)
            VALUES (:room_id, :guest, :email, :guests, :arrival, :departure, :note)
            """,
            {"room_id": room_id, **stay},
        )
        connection.execute("COMMIT")
        return cursor.lastrowid
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def cancel(booking_id):
    return database().execute("DELETE FROM bookings WHERE id = ?", (booking_id,)).rowcount == 1
