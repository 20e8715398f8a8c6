// As Program.cs, with ioredis.
const Redis = require('ioredis');
const client = new Redis(Number(process.argv[2]), process.argv[3] === 'set' ? { retryStrategy: () => 20 } : {});
client.on('error', () => {});
let last = performance.now(), longest = 0, failed = 0;

require('readline').createInterface({ input: process.stdin }).on('line', () => {
  console.log(`${longest.toFixed(1)} ${failed}`);
  longest = failed = 0;
}).on('close', () => process.exit(0));

(async () => {
  while (true) {
    try {
      await client.get('key');
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    } catch {
      failed++;
      await new Promise(done => setTimeout(done, 1));
    }
  }
})();
