// ioredis against the server on the given port: node ioredis.js PORT
'use strict';
const assert = require('node:assert');
const Redis = require('ioredis');

async function main() {
  const redis = new Redis({ host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: 1 });
  redis.on('error', (e) => { console.error(e); process.exitCode = 1; });

  assert.strictEqual(await redis.ping(), 'PONG');
  assert.strictEqual(await redis.set('io:a', 'one', 'EX', 100), 'OK');
  assert.strictEqual(await redis.get('io:a'), 'one');
  assert.ok((await redis.ttl('io:a')) > 90);
  assert.strictEqual(await redis.set('io:a', 'two', 'NX'), null);
  assert.strictEqual(await redis.set('io:a', 'two', 'XX', 'GET'), 'one');
  assert.strictEqual(await redis.incrby('io:n', 41), 41);
  assert.strictEqual(await redis.incr('io:n'), 42);
  assert.strictEqual(await redis.incrbyfloat('io:f', 0.5), '0.5');
  assert.strictEqual(await redis.mset({ 'io:x': '1', 'io:y': '2' }), 'OK');
  assert.deepStrictEqual(await redis.mget('io:x', 'io:none', 'io:y'), ['1', null, '2']);
  assert.strictEqual(await redis.append('io:x', 'tail'), 5);
  assert.strictEqual(await redis.getrange('io:x', 1, -1), 'tail');
  assert.strictEqual(await redis.setbit('io:bits', 7, 1), 0);
  assert.strictEqual(await redis.bitcount('io:bits'), 1);
  assert.strictEqual(await redis.rename('io:x', 'io:z'), 'OK');
  assert.strictEqual(await redis.exists('io:x', 'io:z'), 1);
  assert.strictEqual(await redis.type('io:z'), 'string');

  const binary = Buffer.from([0, 13, 10, 255, 36, 42]);
  await redis.set(Buffer.concat([Buffer.from('io:bin'), binary]), binary);
  assert.deepStrictEqual(await redis.getBuffer(Buffer.concat([Buffer.from('io:bin'), binary])), binary);

  await assert.rejects(redis.incr('io:z'), /ERR value is not an integer or out of range/);
  await assert.rejects(redis.rename('io:none', 'io:other'), /ERR no such key/);

  const pipeline = redis.pipeline();
  for (let i = 0; i < 1000; i++) pipeline.set(`io:p:${i}`, i);
  assert.ok((await pipeline.exec()).every(([error, reply]) => error === null && reply === 'OK'));

  const transaction = await redis.multi().set('io:t', '1').incr('io:t').get('io:t').exec();
  assert.deepStrictEqual(transaction, [[null, 'OK'], [null, 2], [null, '2']]);
  await redis.watch('io:t');
  const other = redis.duplicate();
  await other.set('io:t', 'changed');
  assert.strictEqual(await redis.multi().set('io:t', 'mine').exec(), null);
  await other.quit();

  const seen = new Set();
  for await (const keys of redis.scanStream({ match: 'io:p:*', count: 100 })) keys.forEach((key) => seen.add(key));
  assert.strictEqual(seen.size, 1000);
  assert.strictEqual(await redis.del('io:a', 'io:none'), 1);
  assert.match(await redis.info('server'), /redis_version:/);
  assert.strictEqual(await redis.quit(), 'OK');
}

main().then(() => console.log('all right'), (e) => { console.error(e); process.exit(1); });
