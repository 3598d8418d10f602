#include "formats/checked.h"

#include <limits>

#include "tests/catch.h"

namespace weigh::core {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kTwoTo32 = std::uint64_t{1} << 32U;

TEST_CASE("checked_add stops at 64 bits") {
  CHECK(checked_add(2, 3) == 5U);
  CHECK(checked_add(kMax, 0) == kMax);
  CHECK(checked_add(kMax, 1) == std::nullopt);
  CHECK(checked_add(kMax - 7, 8) == std::nullopt);
}

TEST_CASE("checked_mul stops at 64 bits, also where the product wraps to something small") {
  CHECK(checked_mul(6, 7) == 42U);
  CHECK(checked_mul(kMax, 0) == 0U);
  CHECK(checked_mul(kTwoTo32, kTwoTo32 - 1) == kTwoTo32 * (kTwoTo32 - 1));
  CHECK(checked_mul(kTwoTo32, kTwoTo32) == std::nullopt);
  CHECK(checked_mul((kMax / 8) + 2, 8) == std::nullopt);
}

TEST_CASE("checked_round_up takes the next multiple") {
  CHECK(checked_round_up(0, 32) == 0U);
  CHECK(checked_round_up(1, 32) == 32U);
  CHECK(checked_round_up(32, 32) == 32U);
  CHECK(checked_round_up(33, 1) == 33U);
  CHECK(checked_round_up(kMax - 31, 32) == kMax - 31);
  CHECK(checked_round_up(kMax - 30, 32) == std::nullopt);
}

}  // namespace
}  // namespace weigh::core
