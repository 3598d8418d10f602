#include "src/memory/graph/graph.h"

#include "tests/catch.h"

using namespace weigh::core;

namespace {

constexpr std::uint64_t kAlignment = 32;
constexpr Extent kRow{64, 1, 1, 1};  // 256 bytes of F32

}  // namespace

TEST_CASE("a tensor's place is free again behind its last reader", "[memory]") {
  Graph graph;
  TensorId x = graph.input("in", Element::F32, kRow);
  for (int i = 0; i < 10; ++i) x = graph.make(Op::Concat, kRow, {x});
  graph.expand(x);
  CHECK(buffer_bytes(graph, kAlignment) == 2 * 256);
}

TEST_CASE("an operation in place takes its source over, unless others read that too", "[memory]") {
  Graph graph;
  const TensorId x = graph.make(Op::Concat, kRow, {graph.input("in", Element::I32, {1, 1, 1, 1})});
  SECTION("the only reader") {
    graph.expand(graph.unary(Op::Silu, graph.unary(Op::Silu, x)));
    CHECK(buffer_bytes(graph, kAlignment) == 32 + 256);
  }
  SECTION("one of two readers") {
    graph.expand(graph.add(graph.unary(Op::Silu, x), x));
    CHECK(buffer_bytes(graph, kAlignment) == 32 + 2 * 256);
  }
  SECTION("an output is never written over") {
    graph.mark_output(x);
    graph.expand(graph.unary(Op::Silu, x));
    CHECK(buffer_bytes(graph, kAlignment) == 32 + 2 * 256);
  }
  SECTION("a view's bytes are not taken over") {
    graph.expand(graph.unary(Op::Silu, graph.reshape(x, kRow)));
    CHECK(buffer_bytes(graph, kAlignment) == 32 + 2 * 256);
  }
}

TEST_CASE("a tensor lives as long as a view of it", "[memory]") {
  Graph graph;
  const TensorId x = graph.make(Op::Concat, {128, 1, 1, 1}, {graph.input("in", Element::I32, {1, 1, 1, 1})});
  const TensorId half = graph.view(x, kRow, graph.tensor(x).stride, 256);
  const TensorId other = graph.make(Op::Concat, kRow, {x});
  graph.expand(other);
  graph.expand(graph.make(Op::Concat, kRow, {half, other}));
  CHECK(buffer_bytes(graph, kAlignment) == 32 + 512 + 256 + 256);
}

TEST_CASE("the smallest free block that fits is taken", "[memory]") {
  Graph graph;
  const TensorId seed = graph.input("in", Element::I32, {8, 1, 1, 1});
  const TensorId large = graph.make(Op::Concat, {256, 1, 1, 1}, {seed});
  const TensorId wall = graph.make(Op::Concat, kRow, {seed});
  const TensorId small = graph.make(Op::Concat, kRow, {seed});
  const TensorId wall2 = graph.make(Op::Concat, kRow, {seed});
  for (const TensorId tensor : {large, wall, small, wall2}) graph.expand(tensor);
  graph.expand(graph.store(Op::Cpy, {large}));
  graph.expand(graph.store(Op::Cpy, {small}));
  // Free now: 1024 bytes at 32, 256 bytes between the walls. The row goes between the walls, the two rows in front.
  const TensorId row = graph.make(Op::Concat, kRow, {wall});
  const TensorId rows = graph.make(Op::Concat, {128, 1, 1, 1}, {wall2});
  graph.expand(row);
  graph.expand(rows);
  graph.expand(graph.store(Op::Cpy, {row, rows, wall, wall2, seed}));
  CHECK(buffer_bytes(graph, kAlignment) == 32 + 1024 + 256 + 256 + 256);
}

TEST_CASE("starts are aligned, caches take nothing", "[memory]") {
  Graph graph;
  const TensorId a = graph.input("in", Element::F16, {3, 1, 1, 1});
  const TensorId b = graph.input("in", Element::F16, {3, 1, 1, 1});
  graph.expand(graph.store(Op::Cpy, {a, b}));
  CHECK(buffer_bytes(graph, 32) == 64);
  CHECK(buffer_bytes(graph, 128) == 256);
}

TEST_CASE("sizes beyond any machine are seen", "[memory]") {
  Graph graph;
  CHECK_FALSE(graph.overflowed());
  graph.make(Op::Concat, {UINT64_MAX, UINT64_MAX, 2, 2}, {});
  CHECK(graph.overflowed());
}
