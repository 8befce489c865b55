"""Fusion: several modalities to one answer. A layer fuses inside a network; a recipe makes a graph of analysis and decision units."""

from mcgurk.registry import Entry, exports

_ALL = ("classes", "multilabel", "number", "count")

ENTRIES: dict[str, Entry] = {
    "classifier": Entry("estimators:FusionClassifier", "classifier", "labels from several modalities, by any method of this table", None, ("classes", "multilabel"), small={"fusion": "concat", "epochs": 3}),
    "regressor": Entry("estimators:FusionRegressor", "regressor", "numbers or counts from several modalities, by any method of this table", None, ("number", "count"), small={"fusion": "concat", "epochs": 3}),
    "auto": Entry("auto:Auto", "recipe", "single modalities, late stacking and early fusion compete on inner folds; the simplest within one standard error is kept", None, _ALL, "all base units, 6 times", "van der Laan, Polley, Hubbard 2007, Stat. Appl. Genet. Mol. Biol.; Breiman, Friedman, Olshen, Stone 1984", small={"folds": 2, "units": ("linear", "kernel")}),
    "single": Entry("single:Single", "recipe", "one modality alone", None, _ALL, "d"),
    "early": Entry("early:Early", "recipe", "standardised, balanced blocks side by side, one model", None, _ALL, "sum d_m", "Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems"),
    "late": Entry("late:Late", "recipe", "one model a modality; decisions combined by a rule or by out-of-fold stacking", None, _ALL, "sum d_m + M C", "Kittler, Hatef, Duin, Matas 1998, IEEE TPAMI; Wolpert 1992, Neural Networks"),
    "hybrid": Entry("hybrid:Hybrid", "recipe", "early fusion and single modalities, their decisions combined", None, _ALL, "2 sum d_m + M C", "Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems"),
    "joint_hybrid": Entry("joint_hybrid:JointHybrid", "recipe", "one network a modality and one of all features, trained together, every decision supervised", None, _ALL, "2 sum d_m h", "Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems; Lee, Xie, Gallagher, Zhang, Tu 2015, AISTATS"),
    "staged": Entry("staged:Staged", "recipe", "branches pretrained alone, then the head, then layer by layer from the top, then all", None, _ALL, "sum d_m h, 5 stages", "Howard, Ruder 2018, ACL; Kumar, Raghunathan, Jones, Ma, Liang 2022, ICLR", small={"width": 8, "depth": 1}),
    "graph": Entry("graph:FusionGraph", "recipe", "any graph of feature-fusion, analysis and decision-fusion units", None, _ALL, "sum of its nodes", "Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems"),
    "average": Entry("average:Average", "recipe", "the majority class or the mean: what knowing nothing gives", None, _ALL, "0"),
    "graph_model": Entry("graph_model:GraphModel", "machine", "a fitted FusionGraph", None, _ALL),
    "auto_model": Entry("auto:AutoModel", "machine", "the competition behind auto, and its winner", None, _ALL),
    "average_model": Entry("average:AverageModel", "machine", "a fitted average", None, _ALL),
    "linear": Entry("linear_unit:LinearUnit", "unit", "logistic, ridge or Poisson regression, its penalty chosen on inner folds", None, _ALL, "d C"),
    "trees": Entry("trees_unit:TreesUnit", "unit", "histogram gradient boosting, stored as plain arrays", None, _ALL, "trees x depth", "Friedman 2001, Annals of Statistics; Ke et al. 2017, NeurIPS"),
    "kernel": Entry("kernel_unit:KernelUnit", "unit", "a smooth function: ridge or logistic regression on a Gaussian kernel", None, _ALL, "landmarks d", "Williams, Seeger 2001, NeurIPS"),
    "network": Entry("network_unit:NetworkUnit", "unit", "a small fully connected network", None, _ALL, "d h + h C"),
    "side_by_side": Entry("side_by_side:SideBySide", "feature fusion", "standardised, balanced blocks and presence flags as one matrix"),
    "rule": Entry("rule:Rule", "decision fusion", "a fixed or weighted rule on decisions", None, _ALL, "M C", "Kittler, Hatef, Duin, Matas 1998, IEEE TPAMI"),
    "stacking": Entry("stacking:Stacking", "decision fusion", "a meta-model on out-of-fold decisions", None, _ALL, "M C", "Wolpert 1992, Neural Networks; Breiman 1996, Machine Learning"),
    "clock": Entry("streams:Clock", "synchronisation", "decisions of streams with their own times, on one clock"),
    "source": Entry("graph:Source", "source", "a column as features"),
    "as_features": Entry("decision:AsFeatures", "feature fusion", "a decision as features of another unit"),
    "concat": Entry("concat:Concat", "fusion", "balanced concatenation with presence flags, inside a network", "vector", _ALL, "sum d_m"),
    "tensor": Entry("tensor:TensorFusion", "fusion", "all uni-, bi- and M-modal products of features", "vector", _ALL, "prod (d_m + 1)", "Zadeh, Chen, Poria, Cambria, Morency 2017, EMNLP", small={"width": 4}),
    "lowrank": Entry("lowrank:LowRankFusion", "fusion", "the products of tensor fusion through a low-rank map", "vector", _ALL, "r o sum d_m", "Liu, Shen, Lakshminarasimhan, Liang, Zadeh, Morency 2018, ACL", small={"width": 8, "rank": 2}),
    "gated": Entry("gated:GatedMultimodalUnit", "fusion", "gates decide, row by row and unit by unit, how much each modality counts", "vector", _ALL, "h sum d_m", "Arevalo, Solorio, Montes-y-Gomez, Gonzalez 2017, ICLR workshop", small={"width": 8}),
    "attention": Entry("attention:ModalityAttention", "fusion", "softmax weights over the modalities that are present", "vector", _ALL, "h sum d_m", "Bahdanau, Cho, Bengio 2015, ICLR", small={"width": 8, "hidden": 4}),
    "bilinear": Entry("bilinear:BilinearFusion", "fusion", "every product of two features, at full rank, for each pair of modalities", "vector", _ALL, "o d_1 d_2", "Tenenbaum, Freeman 2000, Neural Computation; Jayakumar et al. 2020, ICLR", small={"width": 8}),
    "mcb": Entry("mcb:CompactBilinear", "fusion", "all products of features, folded into a random sketch", "vector", _ALL, "sum d_m + d log d", "Fukui, Park, Yang, Rohrbach, Darrell, Rohrbach 2016, EMNLP", small={"width": 32}),
    "mlb": Entry("mlb:LowRankBilinear", "fusion", "products of squashed projections, mixed", "vector", _ALL, "r sum d_m", "Kim, On, Lim, Kim, Ha, Zhang 2017, ICLR", small={"width": 8, "rank": 8}),
    "mutan": Entry("mutan:TuckerFusion", "fusion", "projections joined by a core tensor of low rank", "vector", _ALL, "r d_z sum d_m", "Ben-younes, Cadene, Cord, Thome 2017, ICCV", small={"width": 8, "inner": 6, "core": 6, "rank": 2}),
    "mfb": Entry("mfb:FactorisedBilinear", "fusion", "products of wide projections, summed in groups and normalised", "vector", _ALL, "k o sum d_m", "Yu, Yu, Fan, Tao 2017, ICCV", small={"width": 8, "rank": 2}),
    "film": Entry("film:FiLM", "fusion", "one modality scales and shifts the features of the others", "vector", _ALL, "o sum d_m + o^2", "Perez, Strub, de Vries, Dumoulin, Courville 2018, AAAI", small={"width": 8, "depth": 1}),
    "mult": Entry("mult:MulT", "fusion", "every modality's steps attend to every other's, without alignment", "sequence", _ALL, "depth d sum T_a T_b", "Tsai, Bai, Liang, Kolter, Morency, Salakhutdinov 2019, ACL", small={"width": 8, "heads": 2, "depth": 1, "memory": 1}),
    "vilbert": Entry("vilbert:ViLBERT", "fusion", "streams of their own that look into one another layer by layer", "sequence", _ALL, "depth d (sum T_m)^2", "Lu, Batra, Parikh, Lee 2019, NeurIPS", small={"width": 8, "heads": 2, "depth": 1}),
    "mag": Entry("mag:MAG", "fusion", "the other modalities shift the steps of a main one, gated and capped", "sequence", _ALL, "d sum T d_m + T^2 d", "Rahman, Hasan, Lee, Zadeh, Mao, Morency, Hoque 2020, ACL", small={"width": 8, "heads": 2, "dropout": 0.0}),
    "raven": Entry("raven:RAVEN", "fusion", "words shifted by what was heard and seen while they were said", "sequence", _ALL, "h sum T_m d_m + T d^2", "Wang, Shen, Liu, Liang, Zadeh, Morency 2019, AAAI", small={"width": 8, "hidden": 4}),
    "interaction_classifier": Entry("interactions:InteractionClassifier", "classifier", "logistic regression on main effects and products of modalities, with intervals and a test", None, ("classes", "multilabel"), "p^2 once", "Aiken, West 1991, Multiple Regression: Testing and Interpreting Interactions"),
    "interaction_regressor": Entry("interactions:InteractionRegressor", "regressor", "least squares or count regression on main effects and products of modalities, with intervals and a test", None, ("number", "count"), "p^2 once", "Aiken, West 1991, Multiple Regression: Testing and Interpreting Interactions"),
}  # fmt: skip

OFFER = "offer"

__getattr__, __dir__, __all__ = exports(__name__, ENTRIES)
