#include "src/scan/query.h"

#include <algorithm>

#include "formats/error.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

ScanRow mixtral() {
  ScanRow row;
  row.path = "/models/Mixtral-8x7B.Q4_K_M.gguf";
  row.name = "Mixtral-8x7B.Q4_K_M.gguf";
  row.format = "gguf";
  row.architecture = "llama";
  row.dtype = "Q4_K";
  row.dtypes = {"Q4_K", "Q6_K", "F32"};
  row.quantization = "Q4_K_M, 3 tensors otherwise";
  row.plan = "Q4_K_M";
  row.parameters = 46'702'792'704;
  row.active = 12'879'925'248;
  row.bits_per_weight = 4.87;
  row.file_bytes = 28'448'472'288;
  row.files = 1;
  row.experts = 8;
  row.verdicts = {{"rtx-4090", "over"}, {"h100-sxm", "fits"}};
  return row;
}

}  // namespace

TEST_CASE("a filter compares numbers with their units and text without regard to case") {
  struct Case {
    const char* filter;
    bool takes;
  };
  const auto c = GENERATE(values<Case>({{"params>30B", true},
                                        {"params>46702792704", false},
                                        {"params>=46702792704", true},
                                        {"params>46.702792703 B", true},
                                        {"params<46.702792704B", false},
                                        {"params=46702792704", true},
                                        {"params!=46702792704", false},
                                        {"params<46.8B", true},
                                        {"active<=13b", true},
                                        {"bits<4.87", false},
                                        {"bits<=4.87", true},
                                        {"size>26GiB", true},
                                        {"size>28.5GB", false},
                                        {"size>27g", false},
                                        {"experts>0", true},
                                        {"errors>0", false},
                                        {"arch=LLaMA", true},
                                        {"arch!=llama", false},
                                        {"arch=lla", false},
                                        {"arch~lla", true},
                                        {"quant=q4_k_m", true},
                                        {"quant=Q4_K_M, 3 tensors otherwise", true},
                                        {"quant~Q4", true},
                                        {"quant~otherwise", true},
                                        {"quant!=Q4_K_M", false},
                                        {"quant=Q4_K", false},
                                        {"dtype~q4", true},
                                        {"dtype=Q6_K", true},
                                        {"dtype~Q8", false},
                                        {"name~8x7b", true},
                                        {"format=gguf", true},
                                        {"store=", true},
                                        {"verdict=fits", true},
                                        {"verdict=no", false}}));
  CAPTURE(c.filter);
  CHECK(Filter(c.filter).takes(mixtral()) == c.takes);
}

TEST_CASE("what is not known meets no condition on it") {
  ScanRow row;
  CHECK_FALSE(Filter("params>0").takes(row));
  CHECK_FALSE(Filter("params<1T").takes(row));
  CHECK_FALSE(Filter("params!=1").takes(row));
}

TEST_CASE("a filter that says nothing is a usage error that names the fields") {
  const auto text = GENERATE(values<std::string>({"", "params", "colour=red", "params~7", "params>many", "params>",
                                                  "arch>llama", "size>8parsecs", ">7B", "params>-1"}));
  CAPTURE(text);
  CHECK_THROWS_AS(Filter(text), UsageError);
  if (text == "colour=red") CHECK_THROWS_WITH(Filter(text), contains_text("params, active, bits, size"));
}

TEST_CASE("rows are sorted largest first or from a to z, a minus turns that round, unknown comes last") {
  std::vector<ScanRow> rows(4);
  rows[0].name = "b";
  rows[0].parameters = 7;
  rows[1].name = "A";
  rows[1].parameters = 70;
  rows[2].name = "c";
  rows[3].name = "d";
  rows[3].parameters = 7;
  for (ScanRow& row : rows) row.path = row.name;
  const auto sorted = [&](const char* order) {
    std::vector<ScanRow> copy = rows;
    std::ranges::sort(copy, Order(order));
    std::string names;
    for (const ScanRow& row : copy) names += row.name;
    return names;
  };
  CHECK(sorted("params") == "Abdc");
  CHECK(sorted("-params") == "bdAc");
  CHECK(sorted("name") == "Abcd");
  CHECK(sorted("-name") == "dcbA");
  CHECK_THROWS_AS(Order("colour"), UsageError);
}

TEST_CASE("sizes are read in both kinds of units") {
  CHECK(parse_bytes("--min-size", "1024") == 1024);
  CHECK(parse_bytes("--min-size", "1.5GiB") == 1610612736);
  CHECK(parse_bytes("--min-size", "500MB") == 500'000'000);
  CHECK(parse_bytes("--min-size", "2 kib") == 2048);
  for (const char* wrong : {"", "x", "-1", "1e400", "9999999999TB"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_bytes("--min-size", wrong), UsageError);
  }
}
