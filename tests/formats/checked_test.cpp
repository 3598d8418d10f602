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

TEST_CASE("bytes that are not known stay so, and a result that does not fit is not known") {
  CHECK(plus(Bytes(2), Bytes(3)) == 5U);
  CHECK(plus(Bytes(2), Bytes()) == std::nullopt);
  CHECK(plus(Bytes(kMax), Bytes(1)) == std::nullopt);
  CHECK(times(Bytes(2), Bytes(3)) == 6U);
  CHECK(times(Bytes(), Bytes(0)) == std::nullopt);
  CHECK(times(Bytes(kTwoTo32), Bytes(kTwoTo32)) == std::nullopt);
  CHECK(product({2, 3, 4}) == 24U);
  CHECK(product({}) == 1U);
  CHECK(product({kTwoTo32, kTwoTo32, 0}) == std::nullopt);
}

TEST_CASE("plain figures stay at the end of what 64 bits hold") {
  CHECK(plus(2, 3) == 5);
  CHECK(plus(kMax, 1) == kMax);
  CHECK(times(kTwoTo32, kTwoTo32) == kMax);
  CHECK(minus(3, 2) == 1);
  CHECK(minus(2, 3) == 0);
  CHECK(apart(2, 5) == 3);
  CHECK(apart(5, 2) == 3);
  CHECK(saturating_plus(Bytes(kMax), Bytes(1)) == kMax);
  CHECK(saturating_plus(Bytes(kMax), Bytes()) == std::nullopt);
}

TEST_CASE("quotients and shares are exact") {
  CHECK(scaled(kMax, 2, 4) == kMax / 2);
  CHECK(scaled(kMax, 4, 2) == kMax);
  CHECK(divided_up(0, 3) == 0);
  CHECK(divided_up(6, 3) == 2);
  CHECK(divided_up(7, 3) == 3);
  CHECK(divided_up(kMax, 2) == kMax / 2 + 1);
  CHECK(whole_quotient(6, 3) == 2);
  CHECK(whole_quotient(7, 3) == 0);
  CHECK(whole_quotient(7, 0) == 0);
}

TEST_CASE("a saturating sum remembers that it did not fit") {
  SaturatingSum sum{.value = kMax - 1};
  sum.add(1);
  CHECK(sum.value == kMax);
  CHECK_FALSE(sum.overflowed);
  sum.add(1);
  sum.add(0);
  CHECK(sum.value == kMax);
  CHECK(sum.overflowed);
}

}  // namespace
}  // namespace weigh::core
