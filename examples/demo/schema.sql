CREATE TABLE IF NOT EXISTS rooms (
    id          INTEGER PRIMARY KEY,
    slug        TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    summary     TEXT NOT NULL,
    description TEXT NOT NULL,
    beds        INTEGER NOT NULL CHECK (beds > 0),
    price       INTEGER NOT NULL CHECK (price > 0),
    hue         INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS bookings (
    id         INTEGER PRIMARY KEY,
    room_id    INTEGER NOT NULL REFERENCES rooms (id),
    guest      TEXT NOT NULL,
    email      TEXT NOT NULL,
    guests     INTEGER NOT NULL CHECK (guests > 0),
    arrival    TEXT NOT NULL,
    departure  TEXT NOT NULL,
    note       TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHECK (arrival < departure)
);

CREATE INDEX IF NOT EXISTS bookings_by_room ON bookings (room_id, arrival);

INSERT OR IGNORE INTO rooms (id, slug, name, summary, description, beds, price, hue) VALUES
    (1, 'crows-nest', 'The Crow''s Nest', 'Under the roof, with the whole harbour below.',
     'Four flights up, and worth every step: a round window over the quay, a telescope, and the first light of the morning.',
     2, 118, 205),
    (2, 'galley', 'The Galley', 'Beside the kitchen, and warm all winter.',
     'The oldest room of the house. The stove next door has burned since 1911, and breakfast is six steps away.',
     2, 94, 24),
    (3, 'boathouse', 'The Boathouse', 'A little house of its own on the slip.',
     'Two bedrooms, a bath with a view of the masts, and a rowing boat tied up outside. Dogs are welcome.',
     5, 186, 150),
    (4, 'chart-room', 'The Chart Room', 'Quiet, lined with maps, made for long letters.',
     'A desk by the window, a wall of sea charts and the best reading lamp on the coast. Faces the garden.',
     1, 72, 268);
