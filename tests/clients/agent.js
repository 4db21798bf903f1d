// A node agent for the tests: reads one JSON list of steps from standard input, each {sql, values, name, rows},
// sends them in order over one connection, and prints what came back as a JSON list.
'use strict'
const { Client } = require('pg')
const Cursor = require('pg-cursor')

async function step(client, { sql, values, name, cursor }) {
  try {
    if (cursor) {
      const walk = client.query(new Cursor(sql, values))
      const rows = [...(await walk.read(cursor)), ...(await walk.read(cursor))]
      await walk.close()
      return { rows }
    }
    const result = await client.query({ text: sql, values, name })
    const last = Array.isArray(result) ? result[result.length - 1] : result
    return { command: last.command, count: last.rowCount, rows: last.rows }
  } catch (error) {
    return { code: error.code, message: error.message, detail: error.detail, hint: error.hint }
  }
}

async function main() {
  const steps = JSON.parse(require('fs').readFileSync(0, 'utf8'))
  const client = new Client() // PGHOST and its like
  await client.connect()
  const answers = []
  for (const one of steps) answers.push(await step(client, one))
  await client.end()
  process.stdout.write(JSON.stringify(answers))
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`)
  process.exitCode = 1
})
