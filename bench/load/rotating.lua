-- Each request has another header out of a file with one value a line, from line BENCH_FROM on for BENCH_COUNT lines, then over again.
dofile(os.getenv("BENCH_REPORT"))

local requests = {}
local count = 0
local sent = 0

function init()
  local path, name, prefix = os.getenv("BENCH_PATH"), os.getenv("BENCH_HEADER"), os.getenv("BENCH_PREFIX")
  local first = tonumber(os.getenv("BENCH_FROM"))
  local last = first + tonumber(os.getenv("BENCH_COUNT"))
  local line = 0
  for value in io.lines(os.getenv("BENCH_FILE")) do
    if line >= first and line < last then
      count = count + 1
      wrk.headers[name] = prefix .. value
      requests[count] = wrk.format("GET", path)
    end
    line = line + 1
    if line >= last then
      break
    end
  end
end

function request()
  sent = sent + 1
  return requests[(sent - 1) % count + 1]
end
