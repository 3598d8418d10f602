#include "src/verify/line_pattern.h"

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("a pattern is found in a line", "[verify]") {
  struct Row {
    const char* line;
    const char* pattern;
    std::vector<std::string> words;
    const char* function = "";
  };
  const std::vector<Row> rows{
      {"llama_context: n_ctx         = 4096", "n_ctx = %n", {"4096"}, "llama_context"},
      {"0.05.1 I llama_context: n_ctx = 4096", "n_ctx = %n", {"4096"}, "llama_context"},
      {"llama_context: n_ctx_seq = 1, n_ctx = 2", "n_ctx = %n", {"2"}},
      {"x:  CUDA0 KV buffer size =  1088.00 MiB", "%w KV buffer size = %n MiB", {"CUDA0", "1088.00"}, "x"},
      {"Vulkan0 KV buffer size    =   512.00 MiB", "%w KV buffer size = %n MiB", {"Vulkan0", "512.00"}},
      {"offloaded 21/33 layers to GPU", "offloaded %n/%n layers to GPU", {"21", "33"}},
      {"K (q8_0):  544.00 MiB, V (f16):  1,024.5 MiB",
       "K (%w): %n MiB, V (%w): %n MiB",
       {"q8_0", "544.00", "f16", "1,024.5"}},
      {"and 323 tensors from /a b/m (1).gguf (version GGUF V3", "tensors from %t (version", {"/a b/m (1).gguf"}},
      {"+ (29365 = 28609 +", "+ (~%n = %n +", {"29365", "28609"}},
      {"+ (   0 =     7 +", "+ (~%n = %n +", {"0", "7"}},
      {"RUN 4096:f16:-1:512", "RUN %n:%w:%n:%n", {"4096", "f16", "-1", "512"}},
      {"cache: -1.44 GiB", "cache: %n GiB", {"-1.44"}},
      {"took 12.5GiB; then", "took %nGiB; then", {"12.5"}},
      {"error: all the rest ", "error: %t", {"all the rest "}},
  };
  for (const Row& row : rows) {
    INFO(row.line << " | " << row.pattern);
    const auto found = find_pattern(row.line, row.pattern);
    REQUIRE(found.has_value());
    REQUIRE(found->count == row.words.size());
    for (std::size_t i = 0; i < row.words.size(); ++i) CHECK((*found)[i] == row.words[i]);
    if (*row.function != '\0') CHECK(found->function() == row.function);
  }
}

TEST_CASE("a pattern is not found where a line says something else", "[verify]") {
  struct Row {
    const char* line;
    const char* pattern;
  };
  for (const Row& row : {Row{"n_ctx_seq = 4096", "n_ctx = %n"}, Row{"n_ctx = many", "n_ctx = %n"},
                         Row{"n_ctx =", "n_ctx = %n"}, Row{"KV buffer size = 1 MiB", "%w KV buffer size = %n MiB"},
                         Row{"", "n_ctx = %n"}, Row{"CUDA0 KV buffer size = 1 GiB", "%w KV buffer size = %n MiB"}}) {
    INFO(row.line);
    CHECK_FALSE(find_pattern(row.line, row.pattern).has_value());
  }
}

TEST_CASE("a printed number stands for all that it was rounded from", "[verify]") {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  CHECK(printed_number("4096") == Printed{4096, 0, 0});
  CHECK(printed_number("420,880") == Printed{420880, 0, 0});
  CHECK(printed_number("0.12", kMiB) == Printed{125829, 5243, 5243});
  CHECK(printed_number("-1.44", 1000) == Printed{-1440, 5, 5});
  CHECK(printed_number("527.0020", kMiB)->value == 552601649);
  CHECK(printed_whole("3", kMiB) == Printed{3 * (1 << 20), 0, (1 << 20) - 1});
  for (const char* text : {"", "-", "1.", "x", "1x", "1e9", "99999999999999999999", "9999999999999999"}) {
    INFO(text);
    CHECK_FALSE(printed_number(text, std::uint64_t{1} << 30).has_value());
  }
  CHECK(Printed{100, 5, 5}.away(105) == 0);
  CHECK(Printed{100, 5, 5}.away(107) == 2);
  CHECK(Printed{100, 0, 9}.away(99) == -1);
}
