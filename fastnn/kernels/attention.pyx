"""Scaled dot-product attention of several heads over whole sequences, and its gradients: see csrc/attention.h."""

from libc.stdint cimport int32_t
from libc.string cimport memset

from fastnn.engine cimport csrc
from fastnn.engine.csrc cimport (
    FASTNN_ATTENTION_DRAWS, FASTNN_ATTENTION_KEYS, FASTNN_ATTENTION_SIZE, fastnn_attention,
)
from fastnn.engine.op cimport Op, scratch
from fastnn.engine.tensor cimport Tensor, floats


def largest_head() -> int:
    """The most numbers of a head."""
    return FASTNN_ATTENTION_SIZE


cdef class Heads(Op):
    """What attention and its gradient share: rows of sequences, each with a row of numbers for each step."""

    cdef fastnn_attention of_head
    cdef const int32_t *lengths
    cdef const int32_t *memory_lengths
    cdef float *moments
    cdef Py_ssize_t heads, groups, queries, keys  # groups: of heads that share keys and values
    cdef Py_ssize_t mask_sample
    cdef Py_ssize_t q_sample, k_sample, v_sample, y_sample  # from one sequence to the next

    cdef void take(
        self, tuple tensors, Tensor lengths, Tensor memory_lengths, Tensor mask, tuple times, tuple heads,
        tuple starts, Py_ssize_t size, bint causal, float scale, double rate, tuple random,
    ) except *:
        cdef Tensor q, k, v, y, moments
        cdef Py_ssize_t width
        cdef fastnn_attention *p = &self.of_head
        q, k, v, y, moments = tensors[:5]
        self.queries, self.keys = times
        self.heads, self.groups = heads
        if not 1 <= size <= FASTNN_ATTENTION_SIZE:
            raise ValueError(f"{type(self).__name__}: a head has 1 to {FASTNN_ATTENTION_SIZE} numbers, got {size}")
        if self.groups < 1 or self.heads % self.groups:
            raise ValueError(f"{type(self).__name__}: {self.heads} heads cannot share {self.groups} heads of keys")
        if causal and self.keys < self.queries:
            raise ValueError(
                f"{type(self).__name__}: {self.queries} causal queries need as many keys, got {self.keys}"
            )
        if causal and lengths is not memory_lengths:
            raise ValueError(f"{type(self).__name__}: causal queries and their keys have the same lengths")
        for tensor, steps, start, count in zip(
            (q, k, v, y), (self.queries, self.keys, self.keys, self.queries), (*starts, 0),
            (self.heads, self.groups, self.groups, self.heads),
        ):
            width = tensor.columns // steps
            if tensor.rows != q.rows or tensor.columns != width * steps or width < start + count * size:
                raise ValueError(
                    f"{type(self).__name__}: expected {steps} steps of at least {start + count * size}, got {tensor!r}"
                )
        for given in (lengths, memory_lengths):
            if given is not None and (given.rows != q.rows or given.columns != 1):
                raise ValueError(f"{type(self).__name__}: expected a length for each sequence, got {given!r}")
        if moments.rows != q.rows or moments.columns != 2 * self.heads * self.queries:
            raise ValueError(f"{type(self).__name__}: expected two moments for each query, got {moments!r}")
        if mask is not None and (mask.rows != q.rows or mask.columns not in (self.keys, self.queries * self.keys)):
            raise ValueError(
                f"{type(self).__name__}: expected a mask for {self.queries} or 1 queries and {self.keys} keys, "
                f"got {mask.shape}"
            )
        p.size, p.causal, p.scale = size, causal, scale
        p.mask = NULL if mask is None else floats(mask)
        self.mask_sample = 0 if mask is None else mask.columns
        p.mask_row = 0 if self.mask_sample == self.keys else self.keys
        if not 0 <= rate < 1:
            raise ValueError(f"{type(self).__name__}: the rate must be at least 0 and below 1, got {rate}")
        p.threshold, p.boost = min(round(rate * 2**32), 2**32 - 1), 1 / (1 - rate)
        p.random = csrc.fastnn_random(seed=random[0], step=0, stream=random[1])
        p.draws = (self.keys + FASTNN_ATTENTION_KEYS - 1) // FASTNN_ATTENTION_KEYS * FASTNN_ATTENTION_DRAWS
        p.q_row, p.k_row, p.v_row, p.y_row = (
            q.columns // self.queries, k.columns // self.keys, v.columns // self.keys, y.columns // self.queries
        )
        p.q, p.k, p.v = floats(q) + <Py_ssize_t> starts[0], floats(k) + <Py_ssize_t> starts[1], (
            floats(v) + <Py_ssize_t> starts[2]
        )
        p.y, self.moments = floats(y), floats(moments)
        self.q_sample, self.k_sample, self.v_sample, self.y_sample = q.columns, k.columns, v.columns, y.columns
        self.lengths = NULL if lengths is None else <const int32_t *> lengths.data
        self.memory_lengths = NULL if memory_lengths is None else <const int32_t *> memory_lengths.data
        self.pace = 30.0
        self.bind((*tensors, lengths, memory_lengths, mask))

    cdef fastnn_attention at(self, Py_ssize_t row, Py_ssize_t head) noexcept nogil:
        """The arguments for a head of a sequence."""
        cdef fastnn_attention p = self.of_head
        cdef Py_ssize_t shared = head // (self.heads // self.groups)
        p.queries = self.queries if self.lengths == NULL else self.lengths[row]
        p.keys = self.keys if self.memory_lengths == NULL else self.memory_lengths[row]
        p.offset = p.keys - p.queries
        p.q += row * self.q_sample + head * p.size
        p.k += row * self.k_sample + shared * p.size
        p.v += row * self.v_sample + shared * p.size
        p.y += row * self.y_sample + head * p.size
        p.norm = self.moments + 2 * self.queries * (row * self.heads + head)
        p.sum = p.norm + self.queries
        if p.mask != NULL:
            p.mask += row * self.mask_sample
        p.random.step = self.state.step
        p.first = (row * self.heads + head) * self.queries * p.draws
        return p

    cdef double pairs(self) noexcept nogil:
        """Of numbers of a query and a key that are multiplied, once."""
        cdef double share = 0.5 if self.of_head.causal else 1
        return share * self.present_rows() * self.heads * self.queries * self.keys * self.of_head.size


cdef class Attention(Heads):
    """y = softmax(scale Q K^T) V for each head, and its moments for the gradient.

    q (rows, times[0] * width), k, v (rows, times[1] * width): a step has the numbers of its heads one after the other,
    from `starts` on; so all three may be one tensor. y likewise, from 0 on. moments (rows, 2 heads * times[0]).
    lengths, memory_lengths: int32 (rows, 1), of queries and keys; y is 0 beyond them. heads: of queries, and of keys
    and values, each of which serves as many queries' heads. causal: query i sees the keys up to i, counted from the
    end where there are more keys. mask (rows, queries * keys), or (rows, keys) for all queries: a query sees the keys
    where it is not 0; y is 0 for one that sees nothing. rate: of dropout, on the softmax, whose mask follows from
    random, (seed, stream), and the run's step.
    """

    def __init__(
        self, Tensor q, Tensor k, Tensor v, Tensor y, Tensor moments, Tensor lengths or None = None,
        Tensor memory_lengths or None = None, Tensor mask or None = None, *, times: tuple[int, int],
        heads: tuple[int, int], size: int, starts: tuple[int, int, int] = (0, 0, 0), causal: bool = False,
        scale: float = 1.0, rate: float = 0.0, random: tuple[int, int] = (0, 0),
    ) -> None:
        self.take(
            (q, k, v, y, moments), lengths, memory_lengths, mask, times, heads, starts, size, causal, scale, rate,
            random,
        )

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return self.present_rows() * self.heads

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef fastnn_attention p = self.at(index // self.heads, index % self.heads)
        cdef Py_ssize_t i
        self.table.attention(&p, scratch())
        for i in range(p.queries, self.queries):
            memset(p.y + i * p.y_row, 0, p.size * sizeof(float))

    cdef double work(self) noexcept nogil:
        return 4 * self.pairs()


cdef class AttentionGradient(Heads):
    """dq, dk and dv, which lie like q, k and v, from dy; all else as Attention had and left it. 0 beyond lengths."""

    cdef const float *dy
    cdef float *dq
    cdef float *dk
    cdef float *dv

    def __init__(
        self, Tensor q, Tensor k, Tensor v, Tensor y, Tensor moments, Tensor dy, Tensor dq, Tensor dk, Tensor dv,
        Tensor lengths or None = None, Tensor memory_lengths or None = None, Tensor mask or None = None, *,
        times: tuple[int, int], heads: tuple[int, int], size: int, starts: tuple[int, int, int] = (0, 0, 0),
        causal: bool = False, scale: float = 1.0, rate: float = 0.0, random: tuple[int, int] = (0, 0),
    ) -> None:
        cdef Tensor tensor, like
        for tensor, like in ((dy, y), (dq, q), (dk, k), (dv, v)):
            if tensor.rows != like.rows or tensor.columns != like.columns:
                raise ValueError(f"AttentionGradient: expected {like.shape}, got {tensor.shape}")
        self.dy = floats(dy)
        self.dq = floats(dq) + <Py_ssize_t> starts[0]
        self.dk = floats(dk) + <Py_ssize_t> starts[1]
        self.dv = floats(dv) + <Py_ssize_t> starts[2]
        self.take(
            (q, k, v, y, moments, dy, dq, dk, dv), lengths, memory_lengths, mask, times, heads, starts, size, causal,
            scale, rate, random,
        )

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return self.present_rows() * self.groups

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index // self.groups, shared = index % self.groups, each = self.heads // self.groups
        cdef Py_ssize_t head, i
        cdef fastnn_attention p
        for i in range(self.keys):
            memset(self.dk + row * self.k_sample + i * self.of_head.k_row + shared * self.of_head.size, 0,
                   self.of_head.size * sizeof(float))
            memset(self.dv + row * self.v_sample + i * self.of_head.v_row + shared * self.of_head.size, 0,
                   self.of_head.size * sizeof(float))
        for head in range(shared * each, (shared + 1) * each):
            p = self.at(row, head)
            p.dy = self.dy + row * self.y_sample + head * p.size
            p.dq = self.dq + row * self.q_sample + head * p.size
            p.dk = self.dk + row * self.k_sample + shared * p.size
            p.dv = self.dv + row * self.v_sample + shared * p.size
            self.table.attention_gradient(&p, scratch())
            for i in range(p.queries, self.queries):
                memset(p.dq + i * p.q_row, 0, p.size * sizeof(float))

    cdef double work(self) noexcept nogil:
        return 10 * self.pairs()
