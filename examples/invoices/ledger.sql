CREATE TABLE IF NOT EXISTS entries (
  entry INTEGER PRIMARY KEY AUTOINCREMENT,
  idempotency_key TEXT NOT NULL UNIQUE,
  number TEXT NOT NULL UNIQUE,
  supplier TEXT NOT NULL,
  currency TEXT NOT NULL,
  net_cents INTEGER NOT NULL,
  vat_cents INTEGER NOT NULL,
  total_cents INTEGER NOT NULL,
  total_eur_cents INTEGER NOT NULL,
  approved_by TEXT,
  booked_by TEXT NOT NULL,
  booked_at TEXT NOT NULL,
  repeats INTEGER NOT NULL DEFAULT 0
) STRICT
