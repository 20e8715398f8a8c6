-- What a script sees: Lua 5.1's names over Lua 5.4, redis, and the libraries that redis-server has. Errors are raised
-- here, by Lua itself: a function of the host returns false and the error, because it must not jump over its frames.
local host, null = ...
local load, error, type, pairs, next, select = load, error, type, pairs, next, select
local rawget, rawset, tostring = rawget, rawset, tostring
local getmetatable, setmetatable, xpcall, pcall, tonumber = getmetatable, setmetatable, xpcall, pcall, tonumber
local getinfo, pack, unpack, sort, concat = debug.getinfo, table.pack, table.unpack, table.sort, table.concat
local format, byte, char, sub, find = string.format, string.byte, string.char, string.sub, string.find
local gsub, rep, spack, sunpack = string.gsub, string.rep, string.pack, string.unpack
local mtype, floor, tointeger, huge = math.type, math.floor, math.tointeger, math.huge

local closed = {} -- the tables that no script may change
local function refuse() error('Attempt to modify a readonly table', 2) end
local function close(content, missing)
  local shown = setmetatable({}, { __index = setmetatable(content, missing), __newindex = refuse, __metatable = false,
    __pairs = function() return next, content, nil end })
  closed[shown] = true
  return shown
end

local G = {}
local env = close(G, { __index = function(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end })

local function copy(from, names)
  local to = {}
  for name in names:gmatch('%S+') do to[name] = from[name] end
  return to
end

-- Numbers -----------------------------------------------------------------------------------------------------------
-- 5.1 has one kind of number and writes 10/2 as 5.
local function text(value)
  if mtype(value) == 'float' then return format('%.14g', value) end
  return tostring(value)
end

G.tostring = text
G.tonumber = tonumber

local function whole(...)
  local args = pack(...)
  for i = 1, args.n do
    if mtype(args[i]) == 'float' and args[i] == args[i] and args[i] ~= huge and args[i] ~= -huge then
      args[i] = tointeger(args[i]) or args[i]
    end
  end
  return args
end

-- A fraction for %d is cut, as in C.
local function formatted(pattern, ...)
  local args, index = whole(...), 0
  for spec in pattern:gmatch('%%[-+ #0]*%d*%.?%d*([%a%%])') do
    if spec ~= '%' then
      index = index + 1
      if find('dioxXuc', spec, 1, true) and mtype(args[index]) == 'float' then
        args[index] = tointeger(args[index] < 0 and -floor(-args[index]) or floor(args[index])) or args[index]
      elseif spec == 's' and mtype(args[index]) == 'float' then
        args[index] = text(args[index])
      end
    end
  end
  return format(pattern:gsub('(%%[-+ #0]*%d*%.?%d*)u', '%1d'), unpack(args, 1, args.n))
end

-- Libraries ---------------------------------------------------------------------------------------------------------
local strings = copy(string, 'byte char dump find gmatch len lower match rep reverse sub upper')
strings.format = formatted

-- In Lua, so that a function that never ends can be stopped.
function strings.gsub(value, pattern, replacement, most)
  if type(replacement) ~= 'function' then return gsub(value, pattern, replacement, most) end
  value = text(value)
  local parts, at, count, length = {}, 1, 0, #value
  local anchored = sub(pattern, 1, 1) == '^'
  most = most or length + 1
  while count < most and at <= length + 1 do
    local found = pack(find(value, pattern, at))
    if not found[1] then break end
    count = count + 1
    local first, last = found[1], found[2]
    local whole_match = sub(value, first, last)
    local result
    if found.n > 2 then result = replacement(unpack(found, 3, found.n)) else result = replacement(whole_match) end
    if result and type(result) ~= 'string' and type(result) ~= 'number' then
      error('invalid replacement value (a ' .. type(result) .. ')', 2)
    end
    parts[#parts + 1] = sub(value, at, first - 1)
    parts[#parts + 1] = result and text(result) or whole_match
    if last < first then
      parts[#parts + 1] = sub(value, first, first)
      at = first + 1
    else
      at = last + 1
    end
    if anchored then break end
  end
  parts[#parts + 1] = sub(value, at)
  return concat(parts), count
end

local tables = copy(table, 'insert remove')
function tables.concat(list, separator, first, last)
  local parts, count = {}, 0
  for i = first or 1, last or #list do
    count = count + 1
    parts[count] = mtype(list[i]) == 'float' and text(list[i]) or list[i]
  end
  return concat(parts, separator)
end
tables.unpack = unpack
function tables.getn(list) return #list end
function tables.maxn(list)
  local most = 0
  for key in pairs(list) do if type(key) == 'number' and key > most then most = key end end
  return most
end
function tables.foreach(list, action)
  for key, value in pairs(list) do
    local result = action(key, value)
    if result ~= nil then return result end
  end
end
function tables.foreachi(list, action)
  for i = 1, #list do
    local result = action(i, list[i])
    if result ~= nil then return result end
  end
end

-- A heap sort in Lua where there is an order given: that function can be stopped too.
function tables.sort(list, before)
  if before == nil then return sort(list) end
  local function sink(root, last)
    while true do
      local child = 2 * root
      if child > last then return end
      if child < last and before(list[child], list[child + 1]) then child = child + 1 end
      if not before(list[root], list[child]) then return end
      list[root], list[child] = list[child], list[root]
      root = child
    end
  end
  local count = #list
  for root = count // 2, 1, -1 do sink(root, count) end
  for last = count, 2, -1 do
    list[1], list[last] = list[last], list[1]
    sink(1, last - 1)
  end
end

local maths = copy(math, [[abs acos asin atan ceil cos deg exp floor fmod huge log max min modf pi rad random randomseed
  sin sqrt tan tointeger type ult maxinteger mininteger]])
function maths.pow(x, y) return x ^ y end
function maths.log10(x) return math.log(x, 10) end
function maths.atan2(y, x) return math.atan(y, x) end
function maths.ldexp(x, e) return x * 2.0 ^ e end
function maths.cosh(x) return (math.exp(x) + math.exp(-x)) / 2 end
function maths.sinh(x) return (math.exp(x) - math.exp(-x)) / 2 end
function maths.tanh(x) return maths.sinh(x) / maths.cosh(x) end
function maths.frexp(x)
  if x == 0 or x ~= x or x == huge or x == -huge then return x, 0 end
  local e = floor(math.log(math.abs(x), 2)) + 1
  local m = x / 2.0 ^ e
  if math.abs(m) >= 1 then m, e = m / 2, e + 1 elseif math.abs(m) < 0.5 then m, e = m * 2, e - 1 end
  return m, e
end
maths.mod = math.fmod

-- The base library --------------------------------------------------------------------------------------------------
for name, value in pairs(copy(_G, 'assert error ipairs next pairs rawequal rawget rawlen select type')) do
  G[name] = value
end
G._G, G._VERSION, G.unpack = env, 'Lua 5.1', unpack
G.string, G.table, G.math = close(strings), close(tables), close(maths)

local function read(chunk, name, globals)
  if type(chunk) ~= 'string' then error('a string was expected', 3) end
  return load(chunk, name or '=(load)', 't', globals)
end
local function chunk_of(chunk)
  if type(chunk) == 'function' then
    local parts = {}
    for part in chunk do
      if part == '' then break end
      parts[#parts + 1] = part
    end
    chunk = concat(parts)
  end
  return chunk
end
function G.loadstring(chunk, name) return read(chunk, name, env) end
function G.load(chunk, name) return read(chunk_of(chunk), name, env) end
function G.collectgarbage(what) return what == 'count' and host.memory() / 1024 or 0 end
local of_strings, of_closed = close({ __index = G.string }), close({})
function G.getmetatable(value)
  if type(value) == 'string' then return of_strings end
  if closed[value] then return of_closed end
  return getmetatable(value)
end
function G.setmetatable(value, meta)
  if closed[value] then error('Attempt to modify a readonly table', 0) end
  if meta and rawget(meta, '__gc') ~= nil then error('__gc is not there for scripts', 2) end
  return setmetatable(value, meta)
end
function G.rawset(value, key, to)
  if closed[value] then error('Attempt to modify a readonly table', 0) end
  return rawset(value, key, to)
end
local function plain(ok, problem, ...)
  if not ok and type(problem) == 'table' and problem.err then problem = problem.err end
  return ok, problem, ...
end
function G.pcall(...) return plain(pcall(...)) end
-- The handler runs after the call and not in it: within Lua's own handler no hook runs, and nothing could stop it.
local function handled(handler, ok, problem, ...)
  if ok then return ok, problem, ... end
  return false, handler(problem)
end
function G.xpcall(action, handler, ...) return handled(handler, pcall(action, ...)) end
getmetatable('').__index = strings
getmetatable('').__metatable = false

-- redis -------------------------------------------------------------------------------------------------------------
local redis = {
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REPL_ALL = 3, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_NONE = 0,
  REDIS_VERSION = host.version, REDIS_VERSION_NUM = host.version_number,
}
function redis.call(...)
  local ok, result = host.call(...)
  if ok then return result end
  error(result)
end
function redis.pcall(...)
  local _, result = host.call(...)
  return result
end
function redis.error_reply(message)
  if type(message) ~= 'string' then return { err = 'ERR wrong number or type of arguments' } end
  message = sub(message, 1, 1) == '-' and sub(message, 2) or message
  return { err = find(message, ' ', 1, true) and message or 'ERR ' .. message }
end
function redis.status_reply(message)
  if type(message) ~= 'string' then return { err = 'ERR wrong number or type of arguments' } end
  return { ok = message }
end
function redis.sha1hex(...)
  if select('#', ...) ~= 1 then error({ err = 'ERR wrong number of arguments' }) end
  return host.sha1hex(text((...)))
end
function redis.log(level, ...)
  if select('#', ...) < 1 then error({ err = 'ERR redis.log() requires two arguments or more.' }) end
  if type(level) ~= 'number' then error({ err = 'ERR First argument must be a number (log level).' }) end
  if level < 0 or level > 3 then error({ err = 'ERR Invalid debug level.' }) end
  local parts = {}
  for i = 1, select('#', ...) do parts[i] = text((select(i, ...))) end
  host.log(level, concat(parts, ' '))
end
function redis.setresp(version)
  if version ~= 2 and version ~= 3 then error({ err = 'ERR RESP version must be 2 or 3.' }) end
  host.setresp(version)
end
-- There are no replicas, and every write is in the arena: these change nothing, as on a redis-server without any.
function redis.replicate_commands() return true end
function redis.set_repl(...)
  if select('#', ...) ~= 1 then error({ err = 'ERR redis.set_repl() requires two arguments.' }) end
  local flags = tonumber((...))
  if not flags or flags < 0 or flags > 3 then
    error({ err = 'ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.' })
  end
end
function redis.acl_check_cmd(...)
  local ok, result = host.may(...)
  if ok then return result end
  error(result)
end
function redis.breakpoint() return false end
G.redis = close(redis)

-- bit ---------------------------------------------------------------------------------------------------------------
local bit = {}
local function signed(value)
  value = value & 0xFFFFFFFF
  return value >= 0x80000000 and value - 0x100000000 or value
end
local function bits(value)
  value = tonumber(value) or error('bad argument (number expected)', 3)
  return (mtype(value) == 'integer' and value or tointeger(floor(value + 0.5)) or 0) & 0xFFFFFFFF
end
function bit.tobit(x) return signed(bits(x)) end
function bit.bnot(x) return signed(~bits(x)) end
function bit.band(x, ...)
  x = bits(x)
  for i = 1, select('#', ...) do x = x & bits((select(i, ...))) end
  return signed(x)
end
function bit.bor(x, ...)
  x = bits(x)
  for i = 1, select('#', ...) do x = x | bits((select(i, ...))) end
  return signed(x)
end
function bit.bxor(x, ...)
  x = bits(x)
  for i = 1, select('#', ...) do x = x ~ bits((select(i, ...))) end
  return signed(x)
end
function bit.lshift(x, n) return signed(bits(x) << (bits(n) & 31)) end
function bit.rshift(x, n) return signed(bits(x) >> (bits(n) & 31)) end
function bit.arshift(x, n) return signed(signed(bits(x)) // (1 << (bits(n) & 31))) end
function bit.rol(x, n)
  x, n = bits(x), bits(n) & 31
  return signed((x << n) | (x >> (32 - n)))
end
function bit.ror(x, n) return bit.rol(x, 32 - (bits(n) & 31)) end
function bit.bswap(x) return signed((sunpack('>I4', (spack('<I4', bits(x)))))) end
function bit.tohex(x, n)
  n = n and tointeger(n) or 8
  local digits = n < 0 and -n or n
  if digits > 8 then digits = 8 end
  return sub(format(n < 0 and '%08X' or '%08x', bits(x)), 9 - digits)
end
G.bit = close(bit)

-- cjson -------------------------------------------------------------------------------------------------------------
local cjson = { null = null, _NAME = 'cjson', _VERSION = '2.1.0' }
-- What encode_max_depth and its like set, for all scripts from then on.
local json = { encode_depth = 1000, decode_depth = 1000, precision = '%.14g', invalid = false, keep = true,
  sparse = { false, 2, 10 } }
local escapes = { ['"'] = '\\"', ['\\'] = '\\\\', ['/'] = '\\/', ['\b'] = '\\b', ['\f'] = '\\f', ['\n'] = '\\n',
  ['\r'] = '\\r', ['\t'] = '\\t', ['\127'] = '\\u007f' }
for i = 0, 31 do
  local c = char(i)
  escapes[c] = escapes[c] or format('\\u%04x', i)
end

local function quoted(value) return '"' .. gsub(value, '[%c"\\/\127]', escapes) .. '"' end

local function number_text(value)
  if value ~= value or value == huge or value == -huge then
    if not json.invalid then error('Cannot serialise number: must not be NaN or Inf', 0) end
    if json.invalid == 'null' then return 'null' end
  end
  return format(json.precision, value)
end

-- The length of a list, or nil: a table with other keys is an object, and so is an empty one.
local function list_length(value)
  local most, count = 0, 0
  for key in pairs(value) do
    if type(key) ~= 'number' or key < 1 or floor(key) ~= key then return nil end
    if key > most then most = key end
    count = count + 1
  end
  if count == 0 then return nil end
  local converts, ratio, safe = unpack(json.sparse, 1, 3)
  if ratio > 0 and most > safe and most > count * ratio then
    if converts then return nil end
    error('Cannot serialise table: excessively sparse array', 0)
  end
  return tointeger(most)
end

local encode
local function encode_table(value, out, depth)
  if depth > json.encode_depth then error('Cannot serialise, excessive nesting (' .. depth .. ')', 0) end
  local length = list_length(value)
  if length then
    out[#out + 1] = '['
    for i = 1, length do
      if i > 1 then out[#out + 1] = ',' end
      encode(value[i], out, depth)
    end
    out[#out + 1] = ']'
    return
  end
  local first = true
  out[#out + 1] = '{'
  for key, item in pairs(value) do
    if not first then out[#out + 1] = ',' end
    first = false
    if type(key) == 'string' then out[#out + 1] = quoted(key)
    elseif type(key) == 'number' then out[#out + 1] = '"' .. number_text(key) .. '"'
    else error('Cannot serialise ' .. type(key) .. ': table key must be a number or string', 0) end
    out[#out + 1] = ':'
    encode(item, out, depth)
  end
  out[#out + 1] = '}'
end

function encode(value, out, depth)
  local kind = type(value)
  if kind == 'string' then out[#out + 1] = quoted(value)
  elseif kind == 'number' then out[#out + 1] = number_text(value)
  elseif kind == 'boolean' then out[#out + 1] = value and 'true' or 'false'
  elseif kind == 'nil' or value == null then out[#out + 1] = 'null'
  elseif kind == 'table' then encode_table(value, out, depth + 1)
  else error('Cannot serialise ' .. kind .. ': type not supported', 0) end
end

local function user_frame()
  local level, info = 2, nil
  repeat
    info = getinfo(level, 'Sl')
    level = level + 1
  until not info or info.source == '@user_script' or info.source == '@user_function'
  return info
end

local function located(ok, result)
  if ok then return result end
  local info = type(result) == 'string' and user_frame()
  error(info and format('%s:%d: %s', info.short_src, info.currentline, result) or result, 0)
end

function cjson.encode(value)
  return located(pcall(function()
    local out = {}
    encode(value, out, 0)
    return concat(out)
  end))
end

local function expected(what, source, at)
  local got = at > #source and 'T_END' or 'invalid token'
  error(format('Expected %s but found %s at character %d', what, got, at), 0)
end

local function skip(source, at) return (select(2, find(source, '^[ \t\r\n]*', at))) + 1 end

local plain_escapes = { b = '\b', f = '\f', n = '\n', r = '\r', t = '\t', ['"'] = '"', ['\\'] = '\\', ['/'] = '/' }
local function decode_string(source, at)
  local parts, start = {}, at + 1
  while true do
    local stop = find(source, '["\\%c]', start)
    local c = stop and sub(source, stop, stop)
    if not c or (c ~= '"' and c ~= '\\') then
      error(format('Expected value but found unterminated string or control character at character %d', at), 0)
    end
    parts[#parts + 1] = sub(source, start, stop - 1)
    if c == '"' then return concat(parts), stop + 1 end
    local kind = sub(source, stop + 1, stop + 1)
    if kind == 'u' then
      local code = tonumber(source:match('^%x%x%x%x', stop + 2) or error('invalid unicode escape', 0), 16)
      start = stop + 6
      if code >= 0xD800 and code < 0xDC00 then
        local low = source:match('^\\u(%x%x%x%x)', start)
        low = low and tonumber(low, 16)
        if not low or low < 0xDC00 or low > 0xDFFF then error('invalid surrogate pair', 0) end
        code, start = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00), start + 6
      end
      parts[#parts + 1] = utf8.char(code)
    else
      parts[#parts + 1] = plain_escapes[kind]
        or error(format('Expected value but found invalid escape code at character %d', stop), 0)
      start = stop + 2
    end
  end
end

local decode_value
local function limit(at, depth)
  if depth > json.decode_depth then
    error('Found too many nested data structures (' .. depth .. ') at character ' .. at, 0)
  end
end

local function decode_list(source, at, depth)
  limit(at, depth)
  local list, count = {}, 0
  at = skip(source, at + 1)
  if sub(source, at, at) == ']' then return list, at + 1 end
  while true do
    count = count + 1
    list[count], at = decode_value(source, at, depth)
    at = skip(source, at)
    local c = sub(source, at, at)
    if c == ']' then return list, at + 1 end
    if c ~= ',' then expected('comma or array end', source, at) end
    at = skip(source, at + 1)
  end
end

local function decode_object(source, at, depth)
  limit(at, depth)
  local object = {}
  at = skip(source, at + 1)
  if sub(source, at, at) == '}' then return object, at + 1 end
  while true do
    if sub(source, at, at) ~= '"' then expected('object key string', source, at) end
    local key
    key, at = decode_string(source, at)
    at = skip(source, at)
    if sub(source, at, at) ~= ':' then expected('colon', source, at) end
    object[key], at = decode_value(source, skip(source, at + 1), depth)
    at = skip(source, at)
    local c = sub(source, at, at)
    if c == '}' then return object, at + 1 end
    if c ~= ',' then expected('comma or object end', source, at) end
    at = skip(source, at + 1)
  end
end

function decode_value(source, at, depth)
  local c = sub(source, at, at)
  if c == '{' then return decode_object(source, at, depth + 1) end
  if c == '[' then return decode_list(source, at, depth + 1) end
  if c == '"' then return decode_string(source, at) end
  local word = source:match('^%a+', at)
  if word == 'true' then return true, at + 4 end
  if word == 'false' then return false, at + 5 end
  if word == 'null' then return null, at + 4 end
  local digits = source:match('^-?%d+%.?%d*[eE]?[-+]?%d*', at)
  local value = digits and tonumber(digits)
  if not value then expected('value', source, at) end
  return value, at + #digits
end

function cjson.decode(source)
  return located(pcall(function()
    source = type(source) == 'number' and text(source) or source
    if type(source) ~= 'string' then error('bad argument #1 to \'decode\' (string expected)', 0) end
    local value, at = decode_value(source, skip(source, 1), 0)
    at = skip(source, at)
    if at <= #source then expected('the end', source, at) end
    return value
  end))
end

local function whole_number(value, least, most)
  local number = tonumber(value)
  number = number and tointeger(number)
  if not number or number < least or number > most then
    error(format('bad argument #1 (expected integer between %d and %d)', least, most), 3)
  end
  return number
end
function cjson.encode_max_depth(depth)
  if depth ~= nil then json.encode_depth = whole_number(depth, 1, 0x7FFFFFFF) end
  return json.encode_depth
end
function cjson.decode_max_depth(depth)
  if depth ~= nil then json.decode_depth = whole_number(depth, 1, 0x7FFFFFFF) end
  return json.decode_depth
end
function cjson.encode_number_precision(digits)
  if digits ~= nil then json.precision = '%.' .. whole_number(digits, 1, 14) .. 'g' end
  return tointeger(tonumber(json.precision:match('%d+')))
end
function cjson.encode_invalid_numbers(how)
  if how ~= nil then
    if type(how) ~= 'boolean' and how ~= 'null' then error("bad argument #1 (expected a boolean or 'null')", 2) end
    json.invalid = how
  end
  return json.invalid
end
-- There is no buffer to be kept: the setting is taken and shown.
function cjson.encode_keep_buffer(keep)
  if keep ~= nil then
    if type(keep) ~= 'boolean' then error('bad argument #1 (expected a boolean)', 2) end
    json.keep = keep
  end
  return json.keep
end
function cjson.encode_sparse_array(converts, ratio, safe)
  local now = json.sparse
  if converts ~= nil then now[1] = converts and true or false end
  if ratio ~= nil then now[2] = whole_number(ratio, 0, 0x7FFFFFFF) end
  if safe ~= nil then now[3] = whole_number(safe, 0, 0x7FFFFFFF) end
  return unpack(now, 1, 3)
end
G.cjson = close(cjson)

-- cmsgpack ----------------------------------------------------------------------------------------------------------
local cmsgpack = { _NAME = 'cmsgpack', _VERSION = 'lua-cmsgpack 0.4.0' }
local MOST_PACKED, MOST_UNPACKED = 16, 1000

local function pack_integer(value)
  if value >= 0 then
    if value < 128 then return char(value) end
    if value < 0x100 then return spack('>BB', 0xCC, value) end
    if value < 0x10000 then return spack('>BI2', 0xCD, value) end
    if value < 0x100000000 then return spack('>BI4', 0xCE, value) end
    return spack('>Bi8', 0xCF, value)
  end
  if value >= -32 then return spack('>b', value) end
  if value >= -0x80 then return spack('>Bb', 0xD0, value) end
  if value >= -0x8000 then return spack('>Bi2', 0xD1, value) end
  if value >= -0x80000000 then return spack('>Bi4', 0xD2, value) end
  return spack('>Bi8', 0xD3, value)
end

local function header(length, small, few, byte_code, two, four)
  if length < few then return char(small | length) end
  if byte_code and length < 0x100 then return spack('>BB', byte_code, length) end
  if length < 0x10000 then return spack('>BI2', two, length) end
  return spack('>BI4', four, length)
end

local pack_value
local function pack_table(value, out, depth)
  local count, most, is_list = 0, 0, true
  for key in pairs(value) do
    count = count + 1
    if mtype(key) ~= 'integer' or key < 1 then is_list = false elseif key > most then most = key end
  end
  if is_list and most == count then
    out[#out + 1] = header(count, 0x90, 16, nil, 0xDC, 0xDD)
    for i = 1, count do pack_value(value[i], out, depth) end
    return
  end
  out[#out + 1] = header(count, 0x80, 16, nil, 0xDE, 0xDF)
  for key, item in pairs(value) do
    pack_value(key, out, depth)
    pack_value(item, out, depth)
  end
end

function pack_value(value, out, depth)
  local kind = type(value)
  if kind == 'string' then
    out[#out + 1] = header(#value, 0xA0, 32, 0xD9, 0xDA, 0xDB)
    out[#out + 1] = value
  elseif kind == 'boolean' then out[#out + 1] = value and '\xC3' or '\xC2'
  elseif kind == 'number' then
    local whole_number = mtype(value) == 'integer' and value or tointeger(value)
    if whole_number then out[#out + 1] = pack_integer(whole_number)
    elseif sunpack('>f', spack('>f', value)) == value then out[#out + 1] = spack('>Bf', 0xCA, value)
    else out[#out + 1] = spack('>Bd', 0xCB, value) end
  elseif kind == 'table' and depth < MOST_PACKED then pack_table(value, out, depth + 1)
  else out[#out + 1] = '\xC0' end
end

function cmsgpack.pack(...)
  if select('#', ...) == 0 then error('bad argument #0 to \'pack\' (MessagePack pack needs input.)', 2) end
  local out = {}
  for i = 1, select('#', ...) do pack_value((select(i, ...)), out, 0) end
  return concat(out)
end

local scalars = { [0xCA] = '>f', [0xCB] = '>d', [0xCC] = '>B', [0xCD] = '>I2', [0xCE] = '>I4', [0xCF] = '>i8',
  [0xD0] = '>b', [0xD1] = '>i2', [0xD2] = '>i4', [0xD3] = '>i8' }
local lengths = { [0xD9] = '>s1', [0xDA] = '>s2', [0xDB] = '>s4', [0xC4] = '>s1', [0xC5] = '>s2', [0xC6] = '>s4' }

local unpack_value
local function unpack_table(source, at, count, is_map, depth)
  if depth > MOST_UNPACKED then error('Bad data format in input.', 0) end
  local result = {}
  for i = 1, count do
    local key = i
    if is_map then key, at = unpack_value(source, at, depth) end
    local value
    value, at = unpack_value(source, at, depth)
    if key == nil or key ~= key then error('Bad data format in input.', 0) end
    result[key] = value
  end
  return result, at
end

function unpack_value(source, at, depth)
  local code = byte(source, at)
  if not code then error('Missing bytes in input.', 0) end
  if code < 0x80 then return code, at + 1 end
  if code >= 0xE0 then return code - 0x100, at + 1 end
  if code < 0x90 then return unpack_table(source, at + 1, code & 15, true, depth + 1) end
  if code < 0xA0 then return unpack_table(source, at + 1, code & 15, false, depth + 1) end
  if code < 0xC0 then
    local stop = at + (code & 31)
    if stop > #source then error('Missing bytes in input.', 0) end
    return sub(source, at + 1, stop), stop + 1
  end
  if code == 0xC0 then return nil, at + 1 end
  if code == 0xC2 or code == 0xC3 then return code == 0xC3, at + 1 end
  local form = scalars[code] or lengths[code]
  if form then
    local ok, value, after = pcall(sunpack, form, source, at + 1)
    if not ok then error('Missing bytes in input.', 0) end
    return value, after
  end
  if code >= 0xDC and code <= 0xDF then
    local ok, count, after = pcall(sunpack, code % 2 == 0 and '>I2' or '>I4', source, at + 1)
    if not ok then error('Missing bytes in input.', 0) end
    return unpack_table(source, after, count, code >= 0xDE, depth + 1)
  end
  error('Bad data format in input.', 0)
end

local function unpack_some(source, at, most)
  if type(source) ~= 'string' then error('bad argument #1 (string expected)', 3) end
  local values, count = {}, 0
  while at <= #source and count < most do
    count = count + 1
    values[count], at = unpack_value(source, at, 0)
  end
  return values, count, at
end

function cmsgpack.unpack(source)
  local values, count = unpack_some(source, 1, huge)
  return unpack(values, 1, count)
end
function cmsgpack.unpack_limit(source, limit, offset)
  local values, count, at = unpack_some(source, (offset or 0) + 1, limit)
  return at > #source and -1 or at - 1, unpack(values, 1, count)
end
function cmsgpack.unpack_one(source, offset) return cmsgpack.unpack_limit(source, 1, offset) end
G.cmsgpack = close(cmsgpack)

-- struct ------------------------------------------------------------------------------------------------------------
local struct = {}
-- Calls action with each item: a form of string.pack, and the letter.
local function each_item(form, action)
  local order, align, at = '<', 1, 1
  while at <= #form do
    local letter, digits, after = form:match('^([%a<>!= ])(%d*)()', at)
    if not letter then error("invalid format option '" .. sub(form, at, at) .. "'", 3) end
    at = after
    local size = tonumber(digits)
    if size and size > 32 and (letter == 'i' or letter == 'I') then
      error('integral size ' .. size .. ' is larger than limit of 32', 3)
    end
    if letter == '<' or letter == '>' then order = letter
    elseif letter == '=' then order = '='
    elseif letter == '!' then align = size or 8
    elseif letter ~= ' ' then
      action(order .. '!' .. (align > 16 and 16 or align), letter, size)
    end
  end
end

local letters = { b = 'b', B = 'B', h = 'h', H = 'H', l = 'l', L = 'L', T = 'T', f = 'f', d = 'd', x = 'x' }
local function item_form(letter, size)
  if letter == 'i' or letter == 'I' then return letter .. (size or 4) end
  return letters[letter] or error("invalid format option '" .. letter .. "'", 4)
end

function struct.pack(form, ...)
  local args, index, out, length = whole(...), 0, {}, 0
  each_item(form, function(prefix, letter, size)
    local piece
    if letter == 'x' then piece = '\0'
    else
      index = index + 1
      local value = args[index]
      if letter == 's' then piece = value .. '\0'
      elseif letter == 'c' then
        size = size or 1
        if size > 0 and #value < size then error('string too short', 3) end
        piece = size == 0 and value or sub(value, 1, size)
      else
        if mtype(value) == 'float' and letter ~= 'f' and letter ~= 'd' then value = tointeger(floor(value)) end
        local padded = spack(prefix .. rep('x', length % 16) .. item_form(letter, size), value)
        piece = sub(padded, length % 16 + 1)
      end
    end
    out[#out + 1] = piece
    length = length + #piece
  end)
  return concat(out)
end

function struct.unpack(form, source, from)
  local at, values, count = from or 1, {}, 0
  each_item(form, function(prefix, letter, size)
    if letter == 'x' then at = at + 1 return end
    if letter == 's' then
      local stop = find(source, '\0', at, true)
      if not stop then error('unfinished string in data', 3) end
      count = count + 1
      values[count], at = sub(source, at, stop - 1), stop + 1
    elseif letter == 'c' then
      if size == 0 then
        size = values[count]
        if type(size) ~= 'number' then error('format \'c0\' needs a previous size', 3) end
        count = count - 1
      end
      size = size or 1
      if at + size - 1 > #source then error('data string too short', 3) end
      count = count + 1
      values[count], at = sub(source, at, at + size - 1), at + size
    else
      local skipped = (at - 1) % 16
      local padded = prefix .. rep('x', skipped) .. item_form(letter, size)
      local ok, value, after = pcall(sunpack, padded, rep('\0', skipped) .. sub(source, at))
      if not ok then error('data string too short', 3) end
      count = count + 1
      values[count], at = value, at + after - 1 - skipped
    end
  end)
  count = count + 1
  values[count] = at
  return unpack(values, 1, count)
end

function struct.size(form)
  local length = 0
  each_item(form, function(prefix, letter, size)
    if letter == 's' or (letter == 'c' and size == 0) then error('variable-size format in \'size\'', 3) end
    if letter == 'x' then length = length + 1
    elseif letter == 'c' then length = length + (size or 1)
    else
      local skipped = length % 16
      length = length + #spack(prefix .. rep('x', skipped) .. item_form(letter, size), 0) - skipped
    end
  end)
  return length
end
G.struct = close(struct)

-- Scripts -----------------------------------------------------------------------------------------------------------
local scripts = {}

-- Lua's own handler, without hooks: no function of the script may be called in it.
-- 5.1 says "attempt to call field 'x' (a nil value)": clients and tests know that text.
local function as_in_51(problem)
  return gsub(problem, "attempt to ([%w ]-) a (%w+) value %((%w+) '([^']*)'%)", "attempt to %1 %3 '%4' (a %2 value)")
end

local called -- the function that was called, if any: a call that it ends with has taken its frame
local function told(problem)
  local info = user_frame()
  if not info and called then
    info = getinfo(called, 'S')
    info.currentline = info.linedefined
  end
  local result = type(problem) == 'table' and problem or { err = 'ERR ' .. as_in_51(text(problem)) }
  if info and not closed[result] then
    rawset(result, 'source', info.source)
    rawset(result, 'line', info.currentline)
  end
  return result
end

local function compile(name, source)
  -- The variable makes a call in the outermost return no tail call: an error in it has its line.
  local script, problem = load('local __returns <close> = nil ' .. source, '@user_script', 't', env)
  scripts[name] = script
  return script ~= nil, problem
end

local function run(name, keys, arguments)
  G.KEYS, G.ARGV, called = keys, arguments, nil
  return xpcall(scripts[name], told)
end

-- Functions ---------------------------------------------------------------------------------------------------------
-- A function has the globals of scripts, without KEYS and ARGV. While its library is loaded, there is nothing but what
-- registers functions, as in redis-server: what loads here loads in a replica too.
local libraries = {}
local registered -- what the library that is being loaded has registered
local known_flags = { ['no-writes'] = true, ['allow-oom'] = true, ['allow-stale'] = true, ['no-cluster'] = true,
  ['allow-cross-slot-keys'] = true }
local function fail(problem) error({ err = 'ERR ' .. problem }) end

local function flags_of(list)
  local names = {}
  if list == nil then return names end
  if type(list) ~= 'table' then
    fail('flags argument to redis.register_function must be a table representing function flags')
  end
  for _, flag in ipairs(list) do
    if not known_flags[flag] then fail('unknown flag given') end
    names[flag] = true
  end
  return names
end

local arguments_of = { function_name = true, callback = true, flags = true, description = true }
local function named(given)
  for name in pairs(given) do
    if not arguments_of[name] then fail('unknown argument given to redis.register_function') end
  end
  for _, name in ipairs({ 'function_name', 'description' }) do
    local kind = type(given[name])
    if kind ~= 'nil' and kind ~= 'string' and kind ~= 'number' then
      fail(name .. ' argument given to redis.register_function must be a string')
    end
  end
  local callback = given.callback
  if callback ~= nil and type(callback) ~= 'function' then
    fail('callback argument given to redis.register_function must be a function')
  end
  local flags = flags_of(given.flags)
  if given.function_name == nil then fail('redis.register_function must get a function name argument') end
  if callback == nil then fail('redis.register_function must get a callback argument') end
  return given.function_name, callback, flags, given.description
end

local function positional(name, callback)
  if type(name) ~= 'string' and type(name) ~= 'number' then
    fail('first argument to redis.register_function must be a string')
  end
  if type(callback) ~= 'function' then fail('second argument to redis.register_function must be a function') end
  return name, callback, {}, nil
end

local load_api = copy(redis, 'log LOG_DEBUG LOG_VERBOSE LOG_NOTICE LOG_WARNING REDIS_VERSION REDIS_VERSION_NUM')
function load_api.register_function(...)
  if not registered then fail('redis.register_function can only be called on FUNCTION LOAD command') end
  local count, first = select('#', ...), ...
  if count < 1 or count > 2 then fail('wrong number of arguments to redis.register_function') end
  if count == 1 and type(first) ~= 'table' then
    fail('calling redis.register_function with a single argument is only applicable to Lua table (representing named '
      .. 'arguments).')
  end
  local name, callback, flags, description
  if count == 1 then name, callback, flags, description = named(first)
  else name, callback, flags, description = positional(...) end
  name = text(name)
  if not find(name, '^[%w_]+$') then
    fail('Library names can only contain letters, numbers, or underscores(_) and must be at least one character long')
  end
  if registered[name] then fail('Function already exists in the library') end
  registered[name] = { callback = callback, flags = flags, description = description and text(description) }
end

local globals = {}
for name, value in pairs(G) do globals[name] = value end
setmetatable(globals, getmetatable(G))
local missing = getmetatable(G)
local while_loading = setmetatable({ redis = close(load_api, missing) }, missing)
local seen = { __index = globals, __newindex = refuse, __metatable = false }
local function_env = setmetatable({}, seen)
function seen.__pairs() return next, globals, nil end
closed[function_env] = true
globals._G = function_env
function globals.loadstring(chunk, name) return read(chunk, name, function_env) end
function globals.load(chunk, name) return read(chunk_of(chunk), name, function_env) end

-- Whether it went well, and then for each function its name, its description or false, and its flags.
local function load_library(handle, source)
  called = nil
  local library, problem = load('local __returns <close> = nil ' .. source, '@user_function', 't', function_env)
  if not library then return false, 'ERR Error compiling function: ' .. problem end
  local functions = {}
  registered, seen.__index = functions, while_loading
  local ok, failed = pcall(library)
  registered, seen.__index = nil, globals
  if not ok then
    return false, 'ERR Error registering functions: ' .. (type(failed) == 'table' and text(failed.err)
      or 'ERR ' .. text(failed))
  end
  local list = {}
  for name, its in pairs(functions) do
    local flags = {}
    for flag in pairs(its.flags) do flags[#flags + 1] = flag end
    list[#list + 1], list[#list + 2], list[#list + 3] = name, its.description or false, concat(flags, ',')
  end
  libraries[handle] = functions
  return true, list
end

local function call(handle, name, keys, arguments)
  -- A library that was stopped while it was loaded has left these.
  registered, seen.__index = nil, globals
  called = libraries[handle][name].callback
  return xpcall(called, told, keys, arguments)
end

local function forget(name)
  scripts[name] = nil
  libraries[name] = nil
end

return compile, run, forget, load_library, call
