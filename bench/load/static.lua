-- One request over and over, a POST when there is a BENCH_BODY; prints what came of it as a line of JSON.
dofile(os.getenv("BENCH_REPORT"))

local body = os.getenv("BENCH_BODY")
if body then
  wrk.method = "POST"
  wrk.body = body
end
