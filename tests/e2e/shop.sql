-- The shop that the end-to-end tests speak of, with the plain grants that a reading and a writing role need.
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text, city text, visits int NOT NULL DEFAULT 0);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, status text NOT NULL,
                     total numeric(10,2) NOT NULL, created timestamptz NOT NULL DEFAULT '2026-01-02 03:04:05+00', notes jsonb);
CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL, tags text[] DEFAULT '{}', raw bytea);
CREATE SCHEMA vault;
CREATE TABLE vault.secrets (id int PRIMARY KEY, secret text);
CREATE SCHEMA hr;
CREATE TABLE hr.payroll (id int PRIMARY KEY, salary numeric);
CREATE SCHEMA agent_scratch;
CREATE TABLE agent_scratch.jottings (id int PRIMARY KEY, body text);
INSERT INTO customers SELECT g, 'customer ' || g, 'c' || g || '@example.com', (ARRAY['Basel','Bern','Chur'])[g % 3 + 1]
  FROM generate_series(1, 100) g;
INSERT INTO orders SELECT g, g % 100 + 1, 'open', g * 1.5, '2026-01-02 03:04:05+00', '{"gift": true}' FROM generate_series(1, 1000) g;
INSERT INTO vault.secrets VALUES (1, 'the combination is 1234');
INSERT INTO hr.payroll VALUES (1, 5000);
GRANT USAGE ON SCHEMA public, vault, hr, agent_scratch TO app_read, app_write, app_direct;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA public, vault, hr, agent_scratch TO app_read, app_write, app_direct;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app_write;
GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA agent_scratch TO app_direct, app_write;
