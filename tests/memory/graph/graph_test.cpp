#include "src/memory/graph/graph.h"

#include "tests/catch.h"

using namespace weigh::core;

namespace {

constexpr std::uint64_t kAlignment = 32;
constexpr Extent kRow{64, 1, 1, 1};  // 256 bytes of F32

}  // namespace

TEST_CASE("a tensor's place is free again behind its last reader", "[memory]") {
  Graph graph;
  TensorId x = graph.input(Element::F32, kRow);
  for (int i = 0; i < 10; ++i) x = graph.fresh(kRow, {x});
  graph.expand(x);
  CHECK(buffer_bytes(graph, kAlignment) == 2 * 256);
}

TEST_CASE("an operation in place takes its source over, unless others read that too", "[memory]") {
  Graph graph;
  const TensorId x = graph.fresh(kRow, {graph.input(Element::I32, {1, 1, 1, 1})});
  SECTION("the only reader") {
    graph.expand(graph.in_place(graph.in_place(x)));
    CHECK(buffer_bytes(graph, kAlignment) == 32 + 256);
  }
  SECTION("one of two readers") {
    graph.expand(graph.in_place(graph.in_place(x), x));
    CHECK(buffer_bytes(graph, kAlignment) == 32 + 2 * 256);
  }
  SECTION("an output is never written over") {
    graph.mark_output(x);
    graph.expand(graph.in_place(x));
    CHECK(buffer_bytes(graph, kAlignment) == 32 + 2 * 256);
  }
  SECTION("a view's bytes are not taken over") {
    graph.expand(graph.in_place(graph.reshape(x, kRow)));
    CHECK(buffer_bytes(graph, kAlignment) == 32 + 2 * 256);
  }
}

TEST_CASE("a tensor lives as long as a view of it", "[memory]") {
  Graph graph;
  const TensorId x = graph.fresh({128, 1, 1, 1}, {graph.input(Element::I32, {1, 1, 1, 1})});
  const TensorId half = graph.view(x, kRow, graph.tensor(x).stride, 256);
  const TensorId other = graph.fresh(kRow, {x});
  graph.expand(other);
  graph.expand(graph.fresh(kRow, {half, other}));
  CHECK(buffer_bytes(graph, kAlignment) == 32 + 512 + 256 + 256);
}

TEST_CASE("the smallest free block that fits is taken", "[memory]") {
  Graph graph;
  const TensorId seed = graph.input(Element::I32, {8, 1, 1, 1});
  const TensorId large = graph.fresh({256, 1, 1, 1}, {seed});
  const TensorId wall = graph.fresh(kRow, {seed});
  const TensorId small = graph.fresh(kRow, {seed});
  const TensorId wall2 = graph.fresh(kRow, {seed});
  for (const TensorId tensor : {large, wall, small, wall2}) graph.expand(tensor);
  graph.expand(graph.store({large}));
  graph.expand(graph.store({small}));
  // Free now: 1024 bytes at 32, 256 bytes between the walls. The row goes between the walls, the two rows in front.
  const TensorId row = graph.fresh(kRow, {wall});
  const TensorId rows = graph.fresh({128, 1, 1, 1}, {wall2});
  graph.expand(row);
  graph.expand(rows);
  graph.expand(graph.store({row, rows, wall, wall2, seed}));
  CHECK(buffer_bytes(graph, kAlignment) == 32 + 1024 + 256 + 256 + 256);
}

TEST_CASE("starts are aligned, caches take nothing", "[memory]") {
  Graph graph;
  const TensorId a = graph.input(Element::F16, {3, 1, 1, 1});
  const TensorId b = graph.input(Element::F16, {3, 1, 1, 1});
  graph.expand(graph.store({a, b}));
  CHECK(buffer_bytes(graph, 32) == 64);
  CHECK(buffer_bytes(graph, 128) == 256);
}

TEST_CASE("sizes beyond any machine are seen", "[memory]") {
  Graph graph;
  CHECK_FALSE(graph.overflowed());
  graph.fresh({UINT64_MAX, UINT64_MAX, 2, 2}, {});
  CHECK(graph.overflowed());
}
