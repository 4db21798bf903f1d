// An agent on postgres.js, which pipelines by itself. Reads one JSON list of steps from standard input: each a
// statement {sql, values}, a list of such in a pipeline, or {begin: [statement…]}, a transaction that pipelines
// them; prints what came back as a JSON list.
'use strict'
const postgres = require('postgres')

const connection = postgres({
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  database: process.env.PGDATABASE,
  username: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  max: 1,
  onnotice: () => {},
})

const send = (on, { sql, values, portions }) =>
  portions ? walk(on.unsafe(sql, values), portions) : on.unsafe(sql, values, { prepare: true })

async function walk(query, portions) {
  let count = 0
  for await (const rows of query.cursor(portions)) count += rows.length
  return Object.assign([], { command: 'SELECT', count })
}

const kept = (result) => ({ command: result.command, count: result.count, rows: [...result] })
const failed = (error) => ({ code: error.code, message: error.message, detail: error.detail, hint: error.hint })
const settle = (promise) => promise.then(kept, failed)

function step(one) {
  if (Array.isArray(one)) return Promise.all(one.map((each) => settle(send(connection, each))))
  if (one.begin)
    return connection.begin((inside) => one.begin.map((each) => send(inside, each))).then((all) => all.map(kept), failed)
  return settle(send(connection, one))
}

async function main() {
  const answers = []
  for (const one of JSON.parse(require('fs').readFileSync(0, 'utf8'))) answers.push(await step(one))
  await connection.end()
  process.stdout.write(JSON.stringify(answers))
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`)
  process.exitCode = 1
})
