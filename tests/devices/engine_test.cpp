#include "src/devices/engine.h"

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("engines go by their names, and by no other") {
  for (std::size_t i = 0; i < kEngines; ++i) {
    const auto engine = static_cast<Engine>(i);
    CAPTURE(i);
    CHECK(engine_by_name(engine_name(engine)) == engine);
  }
  CHECK(engine_name(Engine::LlamaCpp) == "llama.cpp");
  CHECK_FALSE(engine_by_name("vLLM"));
  CHECK_FALSE(engine_by_name(""));
}
