#include "src/memory/need.h"

#include <limits>

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("needs add up part by part, and what one does not know the sum does not") {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  MemoryNeed a = MemoryNeed::none();
  MemoryNeed b = MemoryNeed::none();
  std::uint64_t bytes = 1;
  for (const NeedPart part : kNeedParts) {
    a.*part = bytes;
    b.*part = 2 * bytes;
    bytes *= 10;
  }
  CHECK(a.total() == 111'111);
  CHECK(plus(a, b).total() == 333'333);
  CHECK(plus(a, b).logits == 3 * a.logits.value());
  CHECK(plus(a, MemoryNeed::none()) == a);
  b.kv_cache = std::nullopt;
  CHECK_FALSE(plus(a, b).kv_cache);
  CHECK(b.total() == 222'222 - 20);
  b.weights = kMax;
  CHECK(plus(a, b).weights == kMax);
  CHECK(b.total() == kMax);
  CHECK(MemoryNeed().total() == 0);
}
