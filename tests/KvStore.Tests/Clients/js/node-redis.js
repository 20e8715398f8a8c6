// node-redis against the server on the given port, by RESP2 or RESP3: node node-redis.js PORT 2|3
'use strict';
const assert = require('node:assert');
const { createClient } = require('redis');

async function main() {
  const client = createClient({
    url: `redis://127.0.0.1:${process.argv[2]}`,
    RESP: Number(process.argv[3]),
    socket: { reconnectStrategy: false },
  });
  client.on('error', (e) => { console.error(e); process.exitCode = 1; });
  await client.connect();

  assert.strictEqual(await client.ping(), 'PONG');
  assert.strictEqual(await client.set('nr:a', 'one', { EX: 100 }), 'OK');
  assert.strictEqual(await client.get('nr:a'), 'one');
  assert.strictEqual(await client.get('nr:none'), null);
  assert.ok((await client.ttl('nr:a')) > 90);
  assert.strictEqual(await client.set('nr:a', 'two', { NX: true }), null);
  assert.strictEqual(await client.getDel('nr:a'), 'one');
  assert.strictEqual(await client.incrBy('nr:n', 41), 41);
  assert.strictEqual(await client.decr('nr:n'), 40);
  assert.strictEqual(await client.mSet([['nr:x', '1'], ['nr:y', '2']]), 'OK');
  assert.deepStrictEqual(await client.mGet(['nr:x', 'nr:none', 'nr:y']), ['1', null, '2']);
  assert.strictEqual(await client.mSetNX([['nr:x', '3'], ['nr:w', '4']]), 0);
  assert.strictEqual(await client.exists('nr:w'), 0);
  assert.strictEqual(await client.copy('nr:x', 'nr:c'), 1);
  assert.strictEqual(await client.expire('nr:c', 1000), 1);
  assert.strictEqual(await client.persist('nr:c'), 1);
  assert.strictEqual(await client.setRange('nr:c', 3, 'x'), 4);
  assert.strictEqual(await client.strLen('nr:c'), 4);
  await assert.rejects(client.incr('nr:c'), /ERR value is not an integer or out of range/);

  const large = 'v'.repeat(3_000_000);
  await client.set('nr:large', large);
  assert.strictEqual(await client.get('nr:large'), large);

  // What is asked for at once is sent as one pipeline.
  const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) => client.set(`nr:p:${i}`, `${i}`)));
  assert.ok(replies.every((reply) => reply === 'OK'));
  assert.deepStrictEqual(await client.multi().set('nr:t', '1').incr('nr:t').get('nr:t').exec(), ['OK', 2, '2']);

  const seen = new Set();
  for await (const keys of client.scanIterator({ MATCH: 'nr:p:*', COUNT: 100 })) [].concat(keys).forEach((key) => seen.add(key));
  assert.strictEqual(seen.size, 1000);
  assert.ok((await client.dbSize()) >= 1000);
  assert.match(await client.info('server'), /redis_version:/);
  await client.close();
}

main().then(() => console.log('all right'), (e) => { console.error(e); process.exit(1); });
