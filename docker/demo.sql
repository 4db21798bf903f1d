-- The demo: a small shop, and two roles with just the grants that sallyport needs.
-- Run as superuser in the new database:  psql -v read_password=… -v write_password=… -f demo.sql
\set ON_ERROR_STOP on
SET client_min_messages = warning;

CREATE TABLE customers (
    id int PRIMARY KEY,
    name text NOT NULL,
    city text
);
CREATE TABLE products (
    id int PRIMARY KEY,
    name text NOT NULL,
    price numeric(10,2) NOT NULL
);
CREATE TABLE orders (
    id int PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customers,
    product_id int NOT NULL REFERENCES products,
    quantity int NOT NULL,
    total numeric(10,2) NOT NULL,
    status text NOT NULL
);
CREATE SCHEMA vault;
CREATE TABLE vault.cards (customer_id int PRIMARY KEY, number text NOT NULL);

INSERT INTO customers VALUES (1, 'Ada', 'Basel'), (2, 'Bruno', 'Bern'), (3, 'Clara', 'Chur'), (4, 'Dario', 'Davos');
INSERT INTO products VALUES (1, 'lamp', 49.00), (2, 'rope', 12.50), (3, 'compass', 89.90);
INSERT INTO orders SELECT g, g % 4 + 1, p.id, g % 5 + 1, p.price * (g % 5 + 1), 'open'
  FROM generate_series(1, 40) g JOIN products p ON p.id = g % 3 + 1;
INSERT INTO vault.cards VALUES (1, '4000 1234 5678 9010');

-- The reading role: may connect and select; no CREATE, no TEMP, owns nothing, read-only by default.
CREATE ROLE app_read LOGIN PASSWORD :'read_password';
ALTER ROLE app_read SET default_transaction_read_only = on;
-- The writing role: only the executor has its password.
CREATE ROLE app_write LOGIN PASSWORD :'write_password';

SELECT current_database() AS database \gset
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO app_read, app_write;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app_read, app_write;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO app_read, app_write;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app_write;
-- Nobody who reads needs these, and a read-only session doesn't stop them.
REVOKE EXECUTE ON FUNCTION lo_create(oid), lo_creat(int), lo_from_bytea(oid, bytea), pg_notify(text, text),
    pg_logical_emit_message(bool, text, text), pg_logical_emit_message(bool, text, bytea) FROM PUBLIC;
-- The executor marks its transactions with a message in the log, so that a crash leaves no doubt.
GRANT EXECUTE ON FUNCTION pg_logical_emit_message(bool, text, text), pg_logical_emit_message(bool, text, bytea) TO app_write;
